// Added tokens: found in the text before it is cut into words. Internal to the tokenizers.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "models/text/tokenizer_files.h"

namespace reel::models {

/// Finds the longest of several tokens at a place of a text.
class TokenTrie {
 public:
  /// If two tokens have equal contents, the first one stays.
  void insert(std::u32string_view content, int64_t id);
  struct Match {
    int64_t id = -1;  // -1: none
    size_t length = 0;
  };
  Match longest(std::u32string_view text, size_t begin) const;
  bool empty() const { return ids_.empty(); }

 private:
  std::unordered_map<uint64_t, uint32_t> edges_;  // node, code point -> node
  std::unordered_map<uint32_t, int64_t> ids_;     // of the nodes where a token ends
  uint32_t nodes_ = 1;
};

/// The added tokens of a folder, with their ids.
class AddedVocabulary {
 public:
  using Normalize = std::function<std::u32string(std::u32string)>;

  /// A token that the vocabulary has keeps its id; the others get the ids after it, in order. With
  /// `split_special`, special tokens in the text are not looked for.
  /// Throws: std::runtime_error if two tokens are looked for by the same text, or an id reaches 1,000,000.
  AddedVocabulary(const BpeFiles& files, const std::vector<AddedToken>& tokens, Normalize normalize,
                  bool split_special);

  struct Piece {
    int64_t id = -1;      // -1: text
    std::u32string text;  // normalised; empty for a token
    bool first = false;   // stands at the very beginning
  };
  /// Cuts a text into added tokens and normalised text between them.
  std::vector<Piece> split(std::u32string_view text) const;

  /// The id of a token, added or of the vocabulary; -1 if there is none.
  int64_t id_of(const std::string& content) const;
  /// The text that an added token decodes to; null if the id is not that of an added token.
  const std::string* text_of(int64_t id) const;
  bool is_special(const std::string& text) const { return special_.contains(text); }
  /// How many tokens the vocabulary lacks.
  size_t beyond_vocabulary() const { return beyond_; }

 private:
  void split(std::u32string_view text, const TokenTrie& trie, std::vector<Piece>& pieces) const;

  Normalize normalize_;
  bool split_special_;
  size_t beyond_ = 0;
  std::unordered_map<std::string, int64_t> ids_;
  std::map<int64_t, AddedToken> tokens_;
  std::unordered_map<int64_t, std::string> decoded_;
  std::unordered_set<std::string> special_;
  TokenTrie raw_, normalized_;
};

}  // namespace reel::models
