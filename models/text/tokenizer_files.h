// What tokenizer files hold: vocabulary, merges and added tokens, checked. Internal to the tokenizers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace reel::models {

/// A token found in the text as it stands, before the text is cut into words.
struct AddedToken {
  std::string content;
  bool single_word = false;        // not inside a word
  bool lstrip = false;             // takes the white space before it
  bool rstrip = false;             // takes the white space after it
  bool special = false;            // left out of decoded text
  std::optional<bool> normalized;  // is looked for in normalised text; not stated: if it is not special

  bool is_normalized() const { return normalized.value_or(!special); }
  bool operator==(const AddedToken& other) const {
    return content == other.content && single_word == other.single_word && lstrip == other.lstrip &&
           rstrip == other.rstrip && special == other.special && is_normalized() == other.is_normalized();
  }
};

/// Vocabulary and merges of a byte-pair encoding.
struct BpeFiles {
  struct Merge {
    int64_t left, right, whole;  // ids
  };
  /// What a tokenizer.json says of its model besides; the defaults are those of the tokenizers library.
  struct Options {
    std::string unknown;         // token for what the vocabulary lacks; empty: such text is dropped
    std::string prefix, suffix;  // of tokens inside of a word and at its end
    bool fuse_unknown = false;   // one unknown token for a run of them
    bool byte_fallback = false;  // bytes <0x00> to <0xFF> instead of the unknown token
    bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
  };
  std::string place;  // the file of the vocabulary, for messages
  std::unordered_map<std::string, int64_t> ids;
  std::vector<Merge> merges;                          // best first
  std::vector<std::pair<int64_t, AddedToken>> added;  // of tokenizer.json, with the ids that it states
  Options options;
  /// JSON of the other parts of a tokenizer.json: an object with its `normalizer`, `pre_tokenizer`,
  /// `post_processor` and `decoder`, as far as they are there; empty if the vocabulary comes from other files.
  std::string stages;
  bool described = true;  // the stages are those of the file, not of its family
};

/// Reads `tokenizer.json`, or else `vocab.json` and `merges.txt`.
/// Ensures: ids are unique and lie in [0, 1,000,000).
/// Throws: std::runtime_error as Tokenizer::open.
BpeFiles read_bpe(const std::string& folder);

}  // namespace reel::models
