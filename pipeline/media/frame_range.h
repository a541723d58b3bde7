// Bounds that every reader of media checks.
#pragma once

#include <cstdint>
#include <string>

namespace reel::media {

constexpr int64_t kMostPixels = int64_t{1} << 28;  // of one frame

/// Throws: std::runtime_error "[path] ..." unless 0 < width * height <= kMostPixels.
void check_size(const std::string& path, int64_t width, int64_t height);

struct FrameRange {
  int64_t begin, end;
};

/// The frames that read(begin, end) covers in a video of `count` frames: an end beyond the last is cut, a
/// negative end means all. Throws: std::invalid_argument if begin is negative or end lies before begin.
FrameRange frame_range(const std::string& path, int64_t begin, int64_t end, int64_t count);

}  // namespace reel::media
