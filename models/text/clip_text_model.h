// The network of CLIP's text encoder, for the layouts in which its weights come.
#pragma once

#include <memory>
#include <optional>

#include "models/files/config.h"
#include "models/text/tokenizer.h"
#include "models/text_encoder.h"
#include "models/weights.h"

namespace reel::models {

/// Built from weights under transformers' names (CLIPTextModel, without the prefix `text_model.`) and its
/// config.json. `tokenizer` may be absent: such an encoder takes ids only. `pad_id`: what texts are filled up
/// with, the tokenizer's own padding unless given.
std::unique_ptr<TextEncoder> make_clip_text(const Weights& weights, const Config& config,
                                            std::shared_ptr<const Tokenizer> tokenizer,
                                            std::optional<int64_t> pad_id = std::nullopt);

}  // namespace reel::models
