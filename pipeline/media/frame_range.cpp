#include "pipeline/media/frame_range.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <stdexcept>

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

}  // namespace reel::media
