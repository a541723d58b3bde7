// The network of CLIP's text encoder, for every layout in which its weights come.
#pragma once

#include <memory>
#include <optional>

#include "models/files/config.h"
#include "models/text/tokenizer.h"
#include "models/text_encoder.h"
#include "models/weights.h"

namespace reel::models {

/// Builds the network from weights under the names of transformers' CLIPTextModel (without the prefix
/// `text_model.`) and its config.json. Without a `tokenizer` the encoder takes ids only. `pad_id`: the id
/// that fills up short texts; by default the padding of the tokenizer.
std::unique_ptr<TextEncoder> make_clip_text(const Weights& weights, const Config& config,
                                            std::shared_ptr<const Tokenizer> tokenizer,
                                            std::optional<int64_t> pad_id = std::nullopt);

}  // namespace reel::models
