#include "models/text/tokenizer_bpe.h"

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

}  // namespace

ByteLevelBpe::ByteLevelBpe(const BpeFiles& files, const std::string& suffix, const std::string& unknown)
    : place_(files.place), unknown_(unknown), merges_(files.merges) {
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
}

void ByteLevelBpe::encode(std::string_view word, std::vector<int64_t>& ids) const {
  std::vector<int32_t> symbols;
  // Each byte is one or two bytes of UTF-8 in the vocabulary's characters, so it is always one symbol.
  for (size_t i = 0; i < word.size(); ++i) {
    int32_t id = (i + 1 < word.size() ? inner_ : last_)[static_cast<unsigned char>(word[i])];
    if (id < 0) id = unknown_id_;
    if (id < 0) {
      refuse_file(place_, "lacks a byte of the text, and the unknown token '" + shown(unknown_) +
                              "' to stand for it; fetch the tokenizer folder again");
    }
    symbols.push_back(id);
  }
  merges_.apply(symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

void ByteLevelBpe::append_characters(std::string_view bytes, std::string& text) {
  for (const char byte : bytes) append_utf8(text, byte_characters()[static_cast<unsigned char>(byte)]);
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
