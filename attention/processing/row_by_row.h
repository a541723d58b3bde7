// Attention of rows that have different numbers of keys: each by itself, so that it gives what it gives alone.
#pragma once

#include <functional>

#include "attention/call.h"
#include "attention/partial.h"

namespace reel::attention {

/// Whether the rows of a call have lengths of their own (Visible::key_lengths), each the same for all of its sequences.
bool has_row_lengths(const Call& call);

/// The result of `attend` for each row of such a call, which is shown the row's real keys alone and no padding. So no
/// key is computed for nothing, and kernels, which round by the number of keys, round as if the row were alone.
Partial row_by_row(const Call& call, const std::function<Partial(const Call&)>& attend);

/// Attention of a call with a cache, without edits: appends its keys and values, and attends to all that the cache holds
/// of each row. Rows that hold different numbers of keys, or do not lie side by side, are computed one at a time over
/// views of the cache: nothing is gathered.
at::Tensor cached_attention(Call call);

}  // namespace reel::attention
