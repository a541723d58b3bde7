// Which keys each query of an attention call sees, without a tensor of queries x keys.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::attention {

struct Call;

/// A key is seen if every member that is set allows it. With none set every query sees every key.
struct Visible {
  /// Query i sees the keys up to its own, which is key `own_key + i`: 0, 1, ..., own_key + i.
  bool causal = false;
  /// [R] i64: the key that belongs to each row's first query. Undefined: the last queries and the last keys
  /// belong together (own_key = Nk - Nq).
  at::Tensor own_key;
  /// [R or 1, G or 1, heads or 1, N] i32: query i sees key j if key_order[j] <= query_order[i]. Both or none.
  /// Ring positions, equal numbers (both ways), the largest number (never seen) are all orders.
  at::Tensor query_order, key_order;
  /// [R or 1, G or 1] i64: real keys of each sequence; those behind them are padding.
  at::Tensor key_lengths;
  /// [R or 1, G or 1, heads or 1, Nk] f32, added to the logits of each key: ln(n) of a pooled cell, a word's
  /// weight.
  at::Tensor key_bias;

  /// Whether every query sees every key, unweighted.
  bool all() const {
    return !causal && !query_order.defined() && !key_lengths.defined() && !key_bias.defined();
  }
  /// Whether `causal` is the only restriction, with last queries and last keys belonging together.
  bool only_causal() const {
    return causal && !own_key.defined() && !query_order.defined() && !key_lengths.defined() &&
           !key_bias.defined();
  }
};

/// What is added to the logits of `count` queries of the call from `first` on, f32, broadcastable to
/// [R, G, heads, count, Nk]: -infinity for keys that are not seen, key_bias, and the call's dense bias.
/// Undefined if nothing is added. Its size is count x Nk for each row, sequence and head that differ.
at::Tensor logit_mask(const Call& call, int64_t first, int64_t count);

/// How many queries' mask fits the stated size of dense masks (16 MiB for one sequence and head), at least
/// 1. Independent of the number of rows, so that results are too.
int64_t masked_queries(const Call& call);

}  // namespace reel::attention
