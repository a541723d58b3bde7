// Group norm, layer norm and RMS norm, built from their scope of the weights.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/weights.h"

namespace reel::models {

/// Normalises over all positions and C / groups channels: x [N, H, W, C]. Flatten everything that is
/// normalised together into H and W.
struct GroupNorm {
  at::Tensor weight, bias;
  int64_t groups = 32;
  double eps = 1e-5;
  static GroupNorm load(const Weights& weights, int64_t channels, int64_t groups, double eps);
  at::Tensor operator()(const at::Tensor& x) const;
  /// The same, followed by SiLU.
  at::Tensor silu(const at::Tensor& x) const;
};

/// Normalises over the last dimension.
struct LayerNorm {
  at::Tensor weight, bias;
  double eps = 1e-5;
  static LayerNorm load(const Weights& weights, int64_t width, double eps = 1e-5, bool affine = true);
  at::Tensor operator()(const at::Tensor& x) const;
  /// The same, plus `positions` [F, C]: for x [R, F, P, C], frame f gets row f.
  at::Tensor plus(const at::Tensor& x, const at::Tensor& positions) const;
};

/// Divides by the root of the mean square over the last dimension (models/ops/rms_norm.h).
struct RmsNorm {
  at::Tensor weight;
  double eps = 1e-6;
  static RmsNorm load(const Weights& weights, int64_t width, double eps);
  at::Tensor operator()(const at::Tensor& x) const;
};

}  // namespace reel::models
