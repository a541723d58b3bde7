// Attention over some of the keys, and how parts of it become a whole.
#pragma once

#include <ATen/core/Tensor.h>

#include "attention/call.h"

namespace reel::attention {

/// What attention over some keys gives, and what it takes to join it with attention over others.
struct Partial {
  at::Tensor out;  // [R, G, heads, Nq, d] in the dtype of q; 0 for a query that sees no key
  at::Tensor lse;  // [R, G, heads, Nq] f32: ln sum_j exp(logit_j), -infinity for no key; undefined unless
                   // Call::wants_lse
};

/// Attention over the keys of both, which have none in common. Both need their log-sum-exp. Sums in f32.
/// Source: Ye et al., FlashInfer (2501.01005), the attention-state merge.
Partial merge(const Partial& a, const Partial& b);

/// The probabilities of chosen keys, exp(logit - lse), without the map: [R, G, heads, Nq, n] f32.
/// keys: [n] i64, of every sequence alike, or [R, n]. lse: of the whole call, as attention over it returned.
/// Reads what the call says of keys: bias, order, lengths, rotary.
at::Tensor columns(const Call& call, const at::Tensor& lse, const at::Tensor& keys);

}  // namespace reel::attention
