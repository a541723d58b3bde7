#include "pipeline/media/video_reader.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "pipeline/media/libav/media_reader.h"
#include "pipeline/media/y4m/y4m_reader.h"

namespace reel::media {

std::unique_ptr<VideoReader> VideoReader::open(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw std::runtime_error("[" + path + "] does not exist; check its name");
  if (fs::is_directory(status)) throw std::runtime_error("[" + path + "] is a folder; name a file in it");
  if (!fs::is_regular_file(status))
    throw std::runtime_error("[" + path + "] is no regular file; copy it to one");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("[" + path + "] cannot be opened; check its rights");
  char start[10] = {};
  file.read(start, sizeof(start));
  if (file.gcount() == 0) throw std::runtime_error("[" + path + "] is empty; copy or make it again");
  return std::string(start, 9) == "YUV4MPEG2" ? open_y4m(path) : open_media(path);
}

}  // namespace reel::media
