#include "models/text/tokenizers/bpe_model.h"

#include <algorithm>

#include "models/text/tokenizer_json.h"
#include "models/text/tokenizers/byte_token.h"

namespace reel::models {

BpeModel::BpeModel(BpeFiles files)
    : options_(std::move(files.options)), ids_(std::move(files.ids)), merges_(files.merges) {
  for (const auto& [token, id] : ids_) {
    if (static_cast<size_t>(id) >= tokens_.size()) tokens_.resize(static_cast<size_t>(id) + 1, nullptr);
    tokens_[static_cast<size_t>(id)] = &token;
  }
  if (options_.unknown.empty()) return;
  unknown_ = find(options_.unknown);
  if (unknown_ < 0) {
    refuse_file(files.place, "lacks its unknown token '" + shown(options_.unknown) +
                                 "' in the vocabulary; fetch the tokenizer folder again");
  }
}

const std::string* BpeModel::token(int64_t id) const {
  return id >= 0 && static_cast<size_t>(id) < tokens_.size() ? tokens_[static_cast<size_t>(id)] : nullptr;
}

int32_t BpeModel::find(const std::string& token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : static_cast<int32_t>(found->second);
}

void BpeModel::encode(const std::string& word, std::vector<int64_t>& ids) const {
  if (word.empty()) return;
  if (options_.ignore_merges) {
    if (const int32_t id = find(word); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  std::vector<int32_t> symbols;
  // An unknown character waits for the next one, with which it may go together. The order is that of the tokenizers
  // library: bytes that follow stand before it.
  bool waiting = false;
  const auto flush = [&] {
    if (waiting) symbols.push_back(unknown_);
    waiting = false;
  };
  for (size_t begin = 0; begin < word.size();) {
    size_t end = begin + 1;
    while (end < word.size() && (word[end] & 0xC0) == 0x80) ++end;
    std::string token = word.substr(begin, end - begin);
    if (begin > 0) token.insert(0, options_.prefix);
    if (end == word.size()) token += options_.suffix;
    begin = end;
    if (const int32_t id = find(token); id >= 0) {
      flush();
      symbols.push_back(id);
      continue;
    }
    if (options_.byte_fallback) {
      std::vector<int32_t> bytes;
      for (const char byte : token) bytes.push_back(find(token_of_byte(static_cast<uint8_t>(byte))));
      if (std::find(bytes.begin(), bytes.end(), -1) == bytes.end()) {
        symbols.insert(symbols.end(), bytes.begin(), bytes.end());
        continue;
      }
    }
    if (unknown_ < 0) continue;
    if (!options_.fuse_unknown) flush();
    waiting = true;
  }
  flush();
  merges_.apply(symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

}  // namespace reel::models
