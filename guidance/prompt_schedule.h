// Prompts at chosen frames, turned into one text context per frame.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "guidance/prompt_key.h"
#include "models/text_encoder.h"

namespace reel::guidance {

/// Between two keys: kLinear mixes their contexts in proportion to the distance, kHold keeps the earlier one.
enum class PromptBlend { kLinear, kHold };

/// One context per frame. A frame with a key gets that key's context, a frame between two keys a blend of
/// theirs, a frame before the first or after the last key that key's context. Shapes: keys in any order ->
/// f32 [1, frames, L, D].
/// Throws: std::invalid_argument for no keys, a frame outside 0 to frames - 1, or two keys at one frame.
at::Tensor schedule_prompts(const PromptKeys& keys, int64_t frames, const models::TextEncoder& encoder,
                            PromptBlend blend, int clip_skip = 0);

/// The same for contexts [K, L, D] that are encoded already: context k belongs to frame key_frames[k].
at::Tensor schedule_contexts(const std::vector<int64_t>& key_frames, const at::Tensor& contexts,
                             int64_t frames, PromptBlend blend);

}  // namespace reel::guidance
