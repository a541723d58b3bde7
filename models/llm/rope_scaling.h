// How a language model's configuration describes its rotary embedding.
#pragma once

#include "attention/rotary.h"
#include "models/files/config.h"

namespace reel::models {

/// The rotary embedding of heads of `head_width` channels, in either dialect of transformers: `rope_theta` and
/// `rope_scaling` (whose type is `rope_type` or `type`), or one object `rope_parameters`. Types: default, linear, llama3.
/// Throws: std::runtime_error for another type, by its name, or for factors that are no positive numbers.
/// Source: transformers modeling_rope_utils.py; Meta's Llama 3.1 (llama3).
attention::Rotary read_rotary(const Config& config, int64_t head_width, int64_t max_tokens);

}  // namespace reel::models
