#include "models/text/tokenizer_added.h"

#include <algorithm>

#include "models/files/utf8.h"
#include "models/text/tokenizer_json.h"
#include "models/text/unicode.h"

namespace reel::models {

namespace {

uint64_t edge(uint32_t node, char32_t point) { return uint64_t{node} << 32 | point; }

}  // namespace

void TokenTrie::insert(std::u32string_view content, int64_t id) {
  uint32_t node = 0;
  for (const char32_t point : content) {
    const auto [next, added] = edges_.try_emplace(edge(node, point), nodes_);
    nodes_ += added;
    node = next->second;
  }
  ids_.try_emplace(node, id);
}

TokenTrie::Match TokenTrie::longest(std::u32string_view text, size_t begin) const {
  Match match;
  uint32_t node = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    const auto next = edges_.find(edge(node, text[i]));
    if (next == edges_.end()) break;
    node = next->second;
    if (const auto found = ids_.find(node); found != ids_.end()) match = {found->second, i + 1 - begin};
  }
  return match;
}

AddedVocabulary::AddedVocabulary(const BpeFiles& files, const std::vector<AddedToken>& tokens,
                                 Normalize normalize, bool split_special)
    : normalize_(std::move(normalize)), split_special_(split_special) {
  auto next = static_cast<int64_t>(files.ids.size());  // as the library counts, gaps in the vocabulary or not
  std::unordered_map<int64_t, std::u32string> normal;
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    const auto in_vocabulary = files.ids.find(token.content);
    auto [known, added] = ids_.try_emplace(token.content, 0);
    if (added) known->second = in_vocabulary != files.ids.end() ? in_vocabulary->second : next++;
    beyond_ += added && in_vocabulary == files.ids.end();
    const int64_t id = known->second;
    if (id >= TokenReader::kIdLimit) {
      refuse_file(files.place, "the ids of added tokens must stay below 1000000; is it the right file?");
    }
    if (token.is_normalized()) {
      normal[id] = normalize_(from_utf8(token.content));
      // Stays, even where the token comes again and is not normalised: only decoding shows it.
      if (const std::string text = to_utf8(normal[id]); text != token.content) decoded_[id] = text;
    }
    if (token.special) special_.insert(token.content);
    tokens_[id] = token;
  }
  for (const auto& [id, token] : tokens_) {
    if (token.is_normalized()) {
      normalized_.insert(normal[id], id);
    } else {
      raw_.insert(from_utf8(token.content), id);
    }
  }
  for (const auto& [id, token] : tokens_) decoded_.try_emplace(id, token.content);
}

std::vector<AddedVocabulary::Piece> AddedVocabulary::split(std::u32string_view text) const {
  std::vector<Piece> raw, pieces;
  split(text, raw_, raw);
  for (Piece& piece : raw) {
    if (piece.id >= 0) {
      pieces.push_back(std::move(piece));
    } else {
      const size_t before = pieces.size();
      split(normalize_(std::move(piece.text)), normalized_, pieces);
      if (!piece.first && before < pieces.size()) pieces[before].first = false;
    }
  }
  return pieces;
}

void AddedVocabulary::split(std::u32string_view text, const TokenTrie& trie,
                            std::vector<Piece>& pieces) const {
  const auto keep = [&](size_t begin, size_t end) {
    if (begin < end) pieces.push_back({-1, std::u32string(text.substr(begin, end - begin)), begin == 0});
  };
  size_t done = 0;  // all before is in `pieces`
  for (size_t at = 0; at < text.size() && !trie.empty();) {
    const TokenTrie::Match match = trie.longest(text, at);
    if (match.id < 0) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + match.length;
    at = end;  // a match that is refused below still hides shorter ones inside it
    const AddedToken& token = tokens_.at(match.id);
    if (split_special_ && special_.contains(token.content)) continue;
    if (token.single_word &&
        ((begin > 0 && is_word(text[begin - 1])) || (end < text.size() && is_word(text[end])))) {
      continue;
    }
    if (token.lstrip) {
      while (begin > 0 && is_space(text[begin - 1])) --begin;
      begin = std::max(begin, done);
    }
    if (token.rstrip) {
      while (end < text.size() && is_space(text[end])) ++end;
    }
    keep(done, begin);
    if (begin < end)
      pieces.push_back({match.id, {}, begin == 0});  // else all of it is in the space that another took
    done = end;
  }
  keep(done, text.size());
}

int64_t AddedVocabulary::id_of(const std::string& content) const {
  const auto found = ids_.find(content);
  return found == ids_.end() ? -1 : found->second;
}

const std::string* AddedVocabulary::text_of(int64_t id) const {
  const auto found = decoded_.find(id);
  return found == decoded_.end() ? nullptr : &found->second;
}

}  // namespace reel::models
