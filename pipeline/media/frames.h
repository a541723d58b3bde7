// Decoded pictures, as they cross the border between media files and tensors.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::media {

/// Frames in display order: uint8 [F, H, W, 3], sRGB, contiguous, on the CPU.
struct Frames {
  at::Tensor pixels;
  double fps = 8;
};

}  // namespace reel::media
