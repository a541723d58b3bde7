// Attention with its map in memory, in blocks: what edits of logits and probabilities see.
#pragma once

#include <functional>

#include "attention/partial.h"

namespace reel::attention {

/// What is done to a block of the map, in place; `block` is the call narrowed to the block.
using MapHook = std::function<void(const Call& block, at::Tensor& map)>;

struct ExplicitOptions {
  /// Memory for a block of the map and the f32 copies of keys and values together; a block has at least one
  /// query.
  int64_t bytes = int64_t{256} << 20;
  bool whole_map = false;  // one block
  bool rows_together = false, heads_together = false;
  MapHook on_logits, on_probs;  // either may be empty
};

/// softmax(scale q k^T + mask) v for a call without rotary left. The map of a block exists once: logits become
/// probabilities in place. Keys and values of half types are converted once for each group of rows and heads
/// that is taken together, never inside the loop over queries. Blocks shrink in this order until they fit:
/// rows, heads, sequences, queries; the number of queries in a block depends on the number of keys and the
/// budget alone (times the rows or heads that must stay together), so that a row's result does not depend
/// on the rows beside it. Rows with numbers of keys of their own are taken one at a time, without the padding behind
/// them, unless rows must stay together.
/// Throws: std::runtime_error if the whole map is needed and exceeds the budget, or the converted keys and values
/// of what must stay together do.
Partial explicit_attention(const Call& call, const ExplicitOptions& options);

}  // namespace reel::attention
