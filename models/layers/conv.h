// A convolution of pictures, built from its scope of the weights. Feature maps are channels-last,
// [..., H, W, C]; as tokens, [..., C], they are a view.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/weights.h"

namespace reel::models {

/// 2-D convolution on [N, H, W, C]. A 1x1 kernel runs as a matrix product.
struct Conv2d {
  at::Tensor weight, bias;  // [out, in, k, k] channels-last
  int64_t stride = 1, padding = 1;
  int64_t rows_at_once = 1;  // of 1x1 kernels: LoadOptions::rows_at_once
  bool host_plan = false;    // LoadOptions::plans_for_host
  static Conv2d load(const Weights& weights, int64_t in, int64_t out, int64_t kernel = 3, int64_t stride = 1,
                     int64_t padding = 1);
  /// x [N, H, W, in], or [R, F, H, W, in] for a 1x1 kernel.
  at::Tensor operator()(const at::Tensor& x) const;
};

/// ATen's convolution of x [N, in, H, W]. On CPUs in f32 it is always oneDNN's, whose sums do not depend on the
/// number of pictures, while ATen gives single small pictures to another library.
at::Tensor convolved(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     at::IntArrayRef stride, at::IntArrayRef padding);

}  // namespace reel::models
