#include "models/text/tokenizer_bpe.h"

#include <queue>

#include "models/files/utf8.h"
#include "models/text/tokenizer_json.h"

namespace reel::models {

namespace {

// Printable bytes stand for themselves, the others for the code points from U+0100 on, in order.
const std::array<char32_t, 256>& byte_characters() {
  static const std::array<char32_t, 256> characters = [] {
    std::array<char32_t, 256> table{};
    char32_t next = 0x100;
    for (char32_t byte = 0; byte < 256; ++byte) {
      const bool printable = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
      table[byte] = printable ? byte : next++;
    }
    return table;
  }();
  return characters;
}

uint64_t pair_key(int32_t left, int32_t right) { return uint64_t(uint32_t(left)) << 32 | uint32_t(right); }

struct Symbol {
  int32_t id;
  int32_t before, after;  // indices of its neighbours; -1 at the ends
  bool gone = false;      // merged into the one before it
};

struct Candidate {
  uint32_t rank;
  int32_t position;  // of the left symbol
  int32_t whole;
  // Best rank first, then leftmost.
  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

}  // namespace

ByteLevelBpe::ByteLevelBpe(const BpeFiles& files, const std::string& suffix, const std::string& unknown)
    : place_(files.place), unknown_(unknown) {
  const auto id = [&](const std::string& token) {
    const auto found = files.ids.find(token);
    return found == files.ids.end() ? -1 : static_cast<int32_t>(found->second);
  };
  unknown_id_ = id(unknown);
  for (size_t byte = 0; byte < 256; ++byte) {
    std::string character;
    append_utf8(character, byte_characters()[byte]);
    inner_[byte] = id(character);
    last_[byte] = id(character + suffix);
  }
  merges_.reserve(files.merges.size());
  uint32_t rank = 0;
  for (const auto& [left, right, whole] : files.merges) {  // of equal pairs the last one counts
    merges_[pair_key(static_cast<int32_t>(left), static_cast<int32_t>(right))] = {
        rank++, static_cast<int32_t>(whole)};
  }
}

void ByteLevelBpe::encode(std::string_view word, std::vector<int64_t>& ids) const {
  std::vector<Symbol> symbols;
  // Each byte is one or two bytes of UTF-8 in the vocabulary's characters, so it is always one symbol.
  for (size_t i = 0; i < word.size(); ++i) {
    int32_t id = (i + 1 < word.size() ? inner_ : last_)[static_cast<unsigned char>(word[i])];
    if (id < 0) id = unknown_id_;
    if (id < 0) {
      refuse_file(place_, "lacks a byte of the text, and the unknown token '" + shown(unknown_) +
                              "' to stand for it; fetch the tokenizer folder again");
    }
    const auto index = static_cast<int32_t>(i);
    symbols.push_back({id, index - 1, i + 1 < word.size() ? index + 1 : -1});
  }

  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](int32_t left, int32_t right) {
    const auto found = merges_.find(pair_key(symbols[left].id, symbols[right].id));
    if (found != merges_.end()) queue.push({found->second.rank, left, found->second.whole});
  };
  for (size_t i = 1; i < symbols.size(); ++i) offer(static_cast<int32_t>(i - 1), static_cast<int32_t>(i));
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.position];
    if (left.gone || left.after < 0) continue;
    Symbol& right = symbols[left.after];
    // An entry is out of date if the pair now there makes another token. It is not asked whether the pair is
    // still the same: two pairs that make one token are exchangeable here, since the tokenizers library has
    // it so.
    const auto now = merges_.find(pair_key(left.id, right.id));
    if (now == merges_.end() || now->second.whole != best.whole) continue;
    left.id = best.whole;
    left.after = right.after;
    right.gone = true;
    if (right.after >= 0) symbols[right.after].before = best.position;
    if (left.before >= 0) offer(left.before, best.position);
    if (left.after >= 0) offer(best.position, left.after);
  }
  for (const Symbol& symbol : symbols) {
    if (!symbol.gone) ids.push_back(symbol.id);
  }
}

std::string ByteLevelBpe::bytes_of(const std::string& token) {
  static const std::unordered_map<char32_t, char> bytes = [] {
    std::unordered_map<char32_t, char> map;
    for (size_t byte = 0; byte < 256; ++byte) map[byte_characters()[byte]] = static_cast<char>(byte);
    return map;
  }();
  std::string text;
  for (const char32_t point : from_utf8(token)) {
    const auto found = bytes.find(point);
    if (found == bytes.end()) return token;
    text += found->second;
  }
  return text;
}

}  // namespace reel::models
