// Byte-pair encoding of words over bytes. Internal to the tokenizers.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/tokenizer_files.h"
#include "models/text/tokenizers/bpe_merges.h"

namespace reel::models {

/// Byte-level BPE: a word is a row of bytes, written in the vocabulary as one printable character each.
/// Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (GPT-2), section 2.2.
class ByteLevelBpe {
 public:
  /// `suffix` marks the last byte of a word; `unknown` is the token for bytes that the vocabulary lacks.
  ByteLevelBpe(const BpeFiles& files, const std::string& suffix, const std::string& unknown);

  /// Appends the ids of one word. Time O(n log n) in its bytes.
  /// Throws: std::runtime_error if it needs the unknown token and there is none.
  void encode(std::string_view word, std::vector<int64_t>& ids) const;

  /// Appends the characters that stand for bytes in such a vocabulary.
  static void append_characters(std::string_view bytes, std::string& text);

  /// The bytes that a token stands for, its suffix included; a token of other characters stands for itself.
  static std::string bytes_of(const std::string& token);

 private:
  std::string place_, unknown_;
  int32_t unknown_id_;
  std::array<int32_t, 256> inner_, last_;  // ids of a byte inside and at the end of a word; -1 if not there
  BpeMerges merges_;
};

}  // namespace reel::models
