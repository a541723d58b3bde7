// What the small files beside a vocabulary say: special and added tokens, the longest text. Internal to the
// tokenizers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/text/tokenizer.h"
#include "models/text/tokenizer_files.h"

namespace reel::models {

/// What the small files say beside vocabulary and merges.
struct TokenizerSettings {
  std::string bos, eos, unk, pad;  // contents
  std::vector<AddedToken>
      added;                   // in the order in which they are added; of equal contents the last one counts
  int64_t max_length = 0;      // 0: not stated
  bool split_special = false;  // special tokens in the text are text like any other
  SpecialTokens named;         // all that have a name, the family's own too
  std::optional<bool> add_bos, add_eos;  // whether texts begin and end with these tokens; absent: not stated
  std::optional<bool> legacy, add_prefix_space;  // of Llama's tokenizers
};

/// `settings` holds what the family uses where the files are silent; `files` what read_bpe read.
/// Throws: std::runtime_error as Tokenizer::open.
TokenizerSettings read_tokenizer_settings(const std::string& folder, const BpeFiles& files,
                                          TokenizerSettings settings);

/// `tokenizer_class` of tokenizer_config.json; empty if not stated.
std::string read_tokenizer_class(const std::string& folder);

}  // namespace reel::models
