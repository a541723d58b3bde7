// Attention without edits: no map is formed.
#pragma once

#include "attention/call.h"

namespace reel::attention {

/// softmax(scale q k^T + bias) v on views, by our own kernel where sequences are short and by ATen's
/// scaled_dot_product_attention elsewhere. Returns [R, G, heads, Nq, d].
at::Tensor fused_attention(const Call& call);

/// Whether `frame_attention` can change the maps of a call on their way: self-attention along few frames.
bool takes_map_edits(const Call& call);

/// What multiplies q k^T: the call's own, or 1 / sqrt(d).
double scale_of(const Call& call);

}  // namespace reel::attention
