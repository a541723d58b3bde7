// Tokenizers that their tokenizer.json describes stage by stage: Llama's, GPT-2's, Qwen's and their like.
#pragma once

#include <memory>
#include <string>

#include "models/text/tokenizer.h"

namespace reel::models {

/// What a family uses where the files of a folder are silent.
struct TokenizerFamily {
  std::string bos, eos, unknown, pad;  // contents; empty: none
  /// The stages of a folder without a tokenizer.json, as BpeFiles::stages; empty: the family needs that file.
  std::string stages;
};

/// Opens such a folder. A tokenizer.json decides all stages: text is cut at added tokens, normalised, cut into
/// words, encoded by byte-pair encoding, and put between the tokens of its post-processor, whatever
/// `add_bos_token` and `add_eos_token` say beside it. They count where the family decides.
/// Throws: std::runtime_error as Tokenizer::open; a stage that is not known is named.
/// Source: the tokenizers library 0.23; transformers 5.23, TokenizersBackend.
std::unique_ptr<Tokenizer> open_file_tokenizer(const std::string& folder, const TokenizerFamily& family);

}  // namespace reel::models
