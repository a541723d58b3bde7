// A video synopsis: prompts at chosen frames, made into one text context per frame.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/text_encoder.h"

namespace reel::guidance {

/// What is to be seen at one frame, 0-based.
struct PromptKey {
  int64_t frame = 0;
  std::string text;
};
using PromptKeys = std::vector<PromptKey>;

/// Between two keys: their contexts mixed in proportion to the distance, or the earlier one held.
enum class PromptBlend { kLinear, kHold };

/// One context per frame: the keys' own at their frames, blended between them, the first and last one
/// outside. Shapes: keys in any order -> f32 [1, frames, L, D]. Throws: std::invalid_argument for no keys, a
/// frame outside 0 to frames - 1, or two keys at one frame.
at::Tensor schedule_prompts(const PromptKeys& keys, int64_t frames, models::TextEncoder& encoder,
                            PromptBlend blend, int clip_skip = 0);

/// The same with contexts [K, L, D] encoded elsewhere, the k-th for frame key_frames[k].
at::Tensor schedule_contexts(const std::vector<int64_t>& key_frames, const at::Tensor& contexts,
                             int64_t frames, PromptBlend blend);

}  // namespace reel::guidance
