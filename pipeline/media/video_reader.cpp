#include "pipeline/media/video_reader.h"

#include <fstream>
#include <stdexcept>

#include "models/files/input/input_file.h"
#include "pipeline/media/libav/media_reader.h"
#include "pipeline/media/y4m/y4m_reader.h"

namespace reel::media {

std::unique_ptr<VideoReader> VideoReader::open(const std::string& path) {
  models::check_input({path});
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("[" + path + "] cannot be opened; check its rights");
  char start[10] = {};
  file.read(start, sizeof(start));
  if (file.gcount() == 0) throw std::runtime_error("[" + path + "] is empty; copy or make it again");
  return std::string(start, 9) == "YUV4MPEG2" ? open_y4m(path) : open_media(path);
}

}  // namespace reel::media
