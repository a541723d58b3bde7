// The one door to ATen's fused attention kernels, some of whose operators are not promised to stay.
#pragma once

#include "attention/partial.h"

namespace reel::attention {

struct SdpaOptions {
  double scale;
  bool causal = false;     // query i sees keys 0 to i
  bool wants_lse = false;  // whether Partial::lse is needed
};

/// softmax(scale q k^T + mask) v: q [B, heads, Nq, d], k [B, heads, Nk, d], v [B, heads, Nk, e]; mask undefined or
/// broadcastable to [B, heads, Nq, Nk] f32. Queries that see no key give 0. Of a CUDA device's kernels those
/// are taken whose sums do not depend on the number of sequences.
/// Source: ATen's scaled_dot_product_attention and what it chooses between.
Partial sdpa(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask,
             const SdpaOptions& options);

}  // namespace reel::attention
