// The tokenizer of CLIP's text encoder.
#pragma once

#include <memory>
#include <string>

#include "models/text/tokenizer.h"

namespace reel::models {

/// Opens a folder whose family is CLIPTokenizer. Throws: std::runtime_error as Tokenizer::open.
std::unique_ptr<Tokenizer> open_clip_tokenizer(const std::string& folder);

}  // namespace reel::models
