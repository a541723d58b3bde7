#include "pipeline/media/video_reader.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "pipeline/media/backend.h"
#include "pipeline/media/frame_range.h"
#include "pipeline/media/y4m/y4m.h"

namespace reel::media {

void check_size(const std::string& path, int64_t width, int64_t height) {
  if (width > 0 && height > 0 && width <= kMostPixels / height) return;
  throw std::runtime_error(c10::str("[", path, "] must have frames of 1 to 2^28 pixels, got ", width, "x",
                                    height, "; the file is damaged, or needs to be scaled down"));
}

FrameRange frame_range(const std::string& path, int64_t begin, int64_t end, int64_t count) {
  if (begin < 0 || (end >= 0 && end < begin)) {
    throw std::invalid_argument(c10::str("[", path, "] frames must be a range begin <= end from 0 up, got ",
                                         begin, " to ", end, "; end -1 means all"));
  }
  if (end < 0 || end > count) end = count;
  return {std::min(begin, end), end};
}

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
