// From the logits of a step to the token that is chosen.
#pragma once

#include <ATen/core/Tensor.h>

#include <random>
#include <span>

#include "guidance/decoding/decode_settings.h"

namespace reel::guidance {

/// What transformers' logits processors make of scores [V] f32 on the host (logits, or log-probabilities of beams), in its
/// order: repetition penalty; then, if there is a temperature: temperature, top-k, top-p, with -infinity for tokens that
/// cannot be chosen. `ids`: prompt and text so far; those beyond the vocabulary count for nothing.
at::Tensor processed_scores(const at::Tensor& scores, std::span<const int64_t> ids,
                            const DecodeSettings& settings);

/// The id of the largest score; of equal ones the smallest id.
int64_t most_likely(const at::Tensor& scores);

/// Draws an id with the probabilities softmax(scores). The draw depends on the generator and the scores alone.
int64_t drawn(const at::Tensor& scores, std::mt19937_64& generator);

}  // namespace reel::guidance
