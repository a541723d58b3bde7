// A linear layer, built from its scope of the weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "models/weights.h"

namespace reel::models {

/// y = x W^T + b over the last dimension.
struct Linear {
  at::Tensor weight, bias;  // [out, in], [out] or undefined
  static Linear load(const Weights& weights, int64_t in, int64_t out, bool with_bias = true);
  /// Several projections of one input as a single layer: their rows are stacked in the order of `names`. Each
  /// may be stored as load_pointwise allows.
  static Linear load_fused(const Weights& weights, const std::vector<std::string>& names, int64_t in,
                           const std::vector<int64_t>& out, bool with_bias);
  /// The layer may be stored as a convolution of width 1, [out, in, 1] or [out, in, 1, 1].
  static Linear load_pointwise(const Weights& weights, int64_t in, int64_t out, bool with_bias = true);
  at::Tensor operator()(const at::Tensor& x) const;
  /// residual += x W^T + b, in place; on CPUs the sum needs no pass of its own. `residual` must be
  /// contiguous.
  void add_to(const at::Tensor& residual, const at::Tensor& x) const;
};

}  // namespace reel::models
