// A linear layer, built from its scope of the weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "models/weights.h"

namespace reel::models {

/// Rows of at least as many positions run as a 1x1 convolution on CPUs in f32.
constexpr int64_t kManyPositions = 128;
/// Products of fewer positions round by their number on a CPU in f32 (MKL with AVX-512).
constexpr int64_t kFewPositions = 16;

/// LoadOptions::gpu_tile of language models: a product of so few positions takes as long as reading its weights.
constexpr int64_t kDecodeTile = 32;

/// Positions of each batch row of x [R, ..., C].
int64_t positions_of_row(const at::Tensor& x);

/// y = x W^T + b over the last dimension. The first dimension of x counts batch rows. On CPUs in f32 a row gives
/// the same bits whatever rows are beside it (docs/adr/0008-batch-law.md).
struct Linear {
  at::Tensor weight, bias;   // [out, in], [out] or undefined
  int64_t rows_at_once = 1;  // LoadOptions::rows_at_once
  int64_t gpu_tile = 0;      // LoadOptions::gpu_tile
  bool host_plan = false;    // LoadOptions::plans_for_host
  static Linear load(const Weights& weights, int64_t in, int64_t out, bool with_bias = true);
  /// Several projections of one input as a single layer: their rows are stacked in the order of `names`. Each
  /// may be stored as load_pointwise allows.
  static Linear load_fused(const Weights& weights, const std::vector<std::string>& names, int64_t in,
                           const std::vector<int64_t>& out, bool with_bias);
  /// The layer may be stored as a convolution of width 1, [out, in, 1] or [out, in, 1, 1].
  static Linear load_pointwise(const Weights& weights, int64_t in, int64_t out, bool with_bias = true);
  /// Whether x is computed as on a CPU.
  bool on_host(const at::Tensor& x) const { return x.is_cpu() || (host_plan && x.is_meta()); }
  at::Tensor operator()(const at::Tensor& x) const { return apply(x, positions_of_row(x)); }
  /// residual += x W^T + b, in place; on CPUs the sum needs no pass of its own. `residual` must be
  /// contiguous.
  void add_to(const at::Tensor& residual, const at::Tensor& x) const {
    add_to(residual, x, positions_of_row(x));
  }

  /// The same for x that is some of the positions of a batch row which has `positions` in all.
  at::Tensor apply(const at::Tensor& x, int64_t positions) const;
  void add_to(const at::Tensor& residual, const at::Tensor& x, int64_t positions) const;
};

/// x W^T + b by the matrix product of ATen's library. On CPUs in f32, whose products round by the number of
/// positions and, at the end of a tile, by where a position stands, each product takes one batch row; one of less
/// than kFewPositions is taken `rows_at_once` times. on_host: whether x is on a CPU, or stands for a tensor there.
at::Tensor product_by_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           int64_t rows_at_once, bool on_host);

/// x W^T + b on a GPU in products whose size does not depend on the number of batch rows: LoadOptions::gpu_tile.
at::Tensor product_in_tiles(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            int64_t tile);

}  // namespace reel::models
