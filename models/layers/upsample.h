// Upsampling, alone and followed by a 3x3 convolution without forming the larger map.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/weights.h"

namespace reel::models {

/// Resizes [N, H, W, C] to height x width by repeating the nearest cell.
at::Tensor upsample_nearest(const at::Tensor& x, int64_t height, int64_t width);

/// conv3x3(upsample_nearest(x)) on [N, H, W, C]. Some of the nine taps on the doubled map always fall on the
/// same cell of the small one. So each of the four outputs of a cell (even or odd row, even or odd column) is
/// a 2x2 convolution of the small map, whose weights are sums of the nine: 16 products instead of 36. All
/// four are one convolution with four times as many outputs.
class UpsampleConv {
 public:
  static UpsampleConv load(const Weights& weights, int64_t in, int64_t out);
  /// Returns [N, height, width, C']; each side is twice that of x, or one less. Throws: c10::Error for other
  /// sizes.
  at::Tensor operator()(const at::Tensor& x, int64_t height, int64_t width) const;

 private:
  at::Tensor phases_;  // [4 C', C, 2, 2]: even rows first, even columns first
  at::Tensor bias_;    // [4 C']
};

}  // namespace reel::models
