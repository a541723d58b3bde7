#include "pipeline/media/frame_buffer.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

namespace reel::media {
namespace {

constexpr int64_t kFirstBytes = int64_t{1}
                                << 30;  // untouched memory costs nothing, but a false count may be huge

}  // namespace

FrameBuffer::FrameBuffer(int64_t height, int64_t width, int64_t expected) {
  const int64_t sensible = std::max<int64_t>(1, kFirstBytes / (3 * height * width));
  pixels_ = at::empty({std::clamp<int64_t>(expected, 1, sensible), height, width, 3}, at::kByte);
}

at::Tensor FrameBuffer::next() {
  if (count_ == pixels_.size(0)) {
    at::Tensor larger = at::empty({2 * count_, pixels_.size(1), pixels_.size(2), 3}, at::kByte);
    larger.narrow(0, 0, count_).copy_(pixels_);
    pixels_ = larger;
  }
  return pixels_[count_++];
}

at::Tensor FrameBuffer::take() {
  at::Tensor filled = pixels_.narrow(0, 0, count_);
  // A narrowed tensor keeps the whole memory alive.
  return 4 * count_ < 3 * pixels_.size(0) ? filled.clone() : filled;
}

}  // namespace reel::media
