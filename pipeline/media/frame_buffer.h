// Gathers frames one by one into one tensor, without trusting the number of frames that a file states.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::media {

class FrameBuffer {
 public:
  /// Reserves room for `expected` frames, but not more than is sensible.
  FrameBuffer(int64_t height, int64_t width, int64_t expected);
  /// Memory for the next frame: uint8 [H, W, 3]. Valid until the next call.
  at::Tensor next();
  /// All frames: uint8 [F, H, W, 3], contiguous.
  at::Tensor take();

 private:
  at::Tensor pixels_;
  int64_t count_ = 0;
};

}  // namespace reel::media
