// Attention without edits: no map is formed.
#pragma once

#include "attention/partial.h"

namespace reel::attention {

/// softmax(scale q k^T + mask) v for a call without rotary left, by our own kernel if sequences are short and
/// by ATen's fused attention otherwise. Masks that kernels know (none, causal) are given to them by name; others
/// are formed for some queries at a time (visible.h: masked_queries). Key heads that query heads share are not
/// repeated in memory.
Partial fused_attention(const Call& call);

/// Whether `frame_attention` can change the maps of a call on their way: self-attention along few frames, all
/// of which are seen.
bool takes_map_edits(const Call& call);

}  // namespace reel::attention
