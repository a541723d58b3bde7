// Frames gathered one by one into one tensor, without trusting what a file says of their number.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::media {

class FrameBuffer {
 public:
  /// `expected` frames are made room for, as far as that is sensible.
  FrameBuffer(int64_t height, int64_t width, int64_t expected);
  /// A place for the next frame: uint8 [H, W, 3]. Valid until the next call.
  at::Tensor next();
  /// What was gathered: uint8 [F, H, W, 3], contiguous.
  at::Tensor take();

 private:
  at::Tensor pixels_;
  int64_t count_ = 0;
};

}  // namespace reel::media
