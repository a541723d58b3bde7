// The small layers that networks are made of. Each holds its tensors and is built from its scope of the
// weights. Feature maps are channels-last, [..., H, W, C], and tokens are [..., C]: the two are views of each
// other.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "models/weights.h"

namespace reel::models {

/// y = x W^T + b over the last dimension.
struct Linear {
  at::Tensor weight, bias;  // [out, in], [out] or undefined
  static Linear load(const Weights& weights, int64_t in, int64_t out, bool with_bias = true);
  /// Projections of one input as a single one: rows of the weights stacked in the order of `names`. Each may
  /// be stored as load_pointwise says.
  static Linear load_fused(const Weights& weights, const std::vector<std::string>& names, int64_t in,
                           const std::vector<int64_t>& out, bool with_bias);
  /// A linear layer that may be stored as a convolution of width 1, [out, in, 1] or [out, in, 1, 1].
  static Linear load_pointwise(const Weights& weights, int64_t in, int64_t out, bool with_bias = true);
  at::Tensor operator()(const at::Tensor& x) const;
  /// residual += x W^T + b, in place and, on CPUs, without a pass of its own for the sum. residual is
  /// contiguous.
  void add_to(const at::Tensor& residual, const at::Tensor& x) const;
};

/// 2-D convolution on [N, H, W, C]. A 1x1 kernel runs as a matrix product.
struct Conv2d {
  at::Tensor weight, bias;  // [out, in, k, k] channels-last
  int64_t stride = 1, padding = 1;
  static Conv2d load(const Weights& weights, int64_t in, int64_t out, int64_t kernel = 3, int64_t stride = 1,
                     int64_t padding = 1);
  at::Tensor operator()(const at::Tensor& x) const;
};

/// Normalises over all positions and C / groups channels: x [N, H, W, C] (flatten what belongs together into
/// H, W).
struct GroupNorm {
  at::Tensor weight, bias;
  int64_t groups = 32;
  double eps = 1e-5;
  static GroupNorm load(const Weights& weights, int64_t channels, int64_t groups, double eps);
  at::Tensor operator()(const at::Tensor& x) const;
  /// Followed by SiLU.
  at::Tensor silu(const at::Tensor& x) const;
};

/// Normalises over the last dimension.
struct LayerNorm {
  at::Tensor weight, bias;
  double eps = 1e-5;
  static LayerNorm load(const Weights& weights, int64_t width, double eps = 1e-5, bool affine = true);
  at::Tensor operator()(const at::Tensor& x) const;
  /// Plus `positions` [F, C] for x [R, F, P, C]: frame f gets the f-th.
  at::Tensor plus(const at::Tensor& x, const at::Tensor& positions) const;
};

enum class Activation { kSilu, kGelu, kGeluTanh, kQuickGelu, kRelu, kMish };

/// Reads the field's names: silu, swish, gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu, mish.
/// Throws: std::runtime_error "[place] ..." with the nearest known name.
Activation parse_activation(const std::string& place, const std::string& name);
at::Tensor activate(Activation activation, const at::Tensor& x);

/// Sinusoidal embedding of timesteps [R] -> f32 [R, width], cosines first (diffusers' flip_sin_to_cos) unless
/// told.
at::Tensor timestep_embedding(const at::Tensor& timesteps, int64_t width, bool cosines_first = true,
                              double frequency_shift = 0);

/// Doubles (or resizes to height x width) [N, H, W, C] by repeating the nearest cell.
at::Tensor upsample_nearest(const at::Tensor& x, int64_t height, int64_t width);

}  // namespace reel::models
