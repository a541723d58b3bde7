// Byte-pair encoding as a tokenizer.json describes it.
#pragma once

#include <string>
#include <vector>

#include "models/text/tokenizers/bpe_merges.h"

namespace reel::models {

class BpeModel {
 public:
  /// Throws: std::runtime_error "[file] ..." if the unknown token is not in the vocabulary.
  explicit BpeModel(BpeFiles files);

  /// Appends the ids of one word, in UTF-8. A character that is no token becomes its bytes, or the unknown token, or, if
  /// the file has neither, nothing.
  void encode(const std::string& word, std::vector<int64_t>& ids) const;

  /// The token of an id of the vocabulary; null if there is none.
  const std::string* token(int64_t id) const;
  /// The id of a token of the vocabulary; -1 if there is none.
  int64_t id_of(const std::string& token) const { return find(token); }
  size_t size() const { return ids_.size(); }

 private:
  int32_t find(const std::string& token) const;

  BpeFiles::Options options_;
  std::unordered_map<std::string, int64_t> ids_;
  std::vector<const std::string*> tokens_;  // by id: the keys of ids_
  int32_t unknown_ = -1;
  BpeMerges merges_;
};

}  // namespace reel::models
