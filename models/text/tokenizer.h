// The interface of a tokenizer: text to the ids that a text encoder or a language model reads, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace reel::models {

/// Tokens of a folder by name: {"bos_token", "<s>"}.
using SpecialTokens = std::vector<std::pair<std::string, std::string>>;

/// Turns text into ids and back. Immutable once open: one tokenizer may serve any number of threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Opens a tokenizer folder in the Hugging Face layout: `tokenizer.json`, or `vocab.json` and `merges.txt`, or
  /// `tokenizer.model` (SentencePiece); of several the first is used. Beside them it reads
  /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` if they exist. `tokenizer_class`
  /// says the family: CLIP's, Llama's, GPT-2's, Qwen2's, or what a tokenizer.json describes by itself. The files
  /// are not trusted: sizes and values are checked.
  /// Throws: std::runtime_error "[file] fault; way out" if a file is missing, malformed, above 64 MB, or of a
  /// family that is not supported (the family is `tokenizer_class` in tokenizer_config.json).
  static std::unique_ptr<Tokenizer> open(const std::string& folder);

  /// Ids as the network reads them: with special tokens, without padding, not cut. Bytes that are not UTF-8
  /// are read as U+FFFD, as Python's errors="replace" does. Throws: std::runtime_error if the text needs the
  /// unknown token and the vocabulary has none.
  virtual std::vector<int64_t> encode(const std::string& utf8) const = 0;

  /// The text of the ids, without special tokens if `skip_special`. Unknown ids are ignored.
  virtual std::string decode(const std::vector<int64_t>& ids, bool skip_special = true) const = 0;

  /// -1: the folder has none.
  int64_t pad_id() const { return facts_.pad; }
  int64_t bos_id() const { return facts_.bos; }
  int64_t eos_id() const { return facts_.eos; }
  /// The tokens that the folder gives a name, or its family does.
  const SpecialTokens& special_tokens() const { return facts_.named; }
  /// How many tokens fit, special ones included; 0 if the folder leaves it to the model.
  int64_t max_length() const { return facts_.max_length; }
  /// How many tokens there are, added ones included.
  size_t size() const { return facts_.size; }

 protected:
  /// What a folder says of its tokenizer as a whole. Each kind fills it in while it opens.
  struct Facts {
    int64_t pad = -1, bos = -1, eos = -1, max_length = 0;
    size_t size = 0;
    SpecialTokens named = {};
  };
  Facts facts_;
};

}  // namespace reel::models
