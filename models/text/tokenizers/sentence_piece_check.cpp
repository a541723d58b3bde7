#include "models/text/tokenizers/sentence_piece_check.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "models/files/utf8.h"

namespace reel::models {

namespace {

[[noreturn]] void refuse_model(const std::string& place, const std::string& fault) {
  throw std::runtime_error("[" + place + "] " + fault + "; is it the right file, or fetch it again");
}

// The fields of one protobuf message.
class ProtoReader {
 public:
  ProtoReader(std::string_view bytes, const std::string& place) : bytes_(bytes), place_(place) {}

  /// The next field; false at the end.
  bool next() {
    if (bytes_.empty()) return false;
    const uint64_t tag = varint();
    field_ = tag >> 3;
    kind_ = static_cast<int>(tag & 7);
    if (field_ == 0 || field_ > UINT32_MAX >> 3) malformed();
    switch (kind_) {
      case 0:
        number_ = varint();
        break;
      case 1:
        data_ = take(8);
        break;
      case 2:
        data_ = take(varint());
        break;
      case 5:
        data_ = take(4);
        break;
      default:
        malformed();
    }
    return true;
  }
  uint64_t field() const { return field_; }
  bool is_number() const { return kind_ == 0; }
  bool is_message() const { return kind_ == 2; }
  bool is_float() const { return kind_ == 5; }
  uint64_t number() const { return number_; }
  std::string_view data() const { return data_; }
  float as_float() const {
    float value = 0;
    std::memcpy(&value, data_.data(), sizeof value);
    return value;
  }
  [[noreturn]] void malformed() const {
    refuse_model(place_, "must be a SentencePiece model, and is malformed");
  }

 private:
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) malformed();
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    malformed();
  }
  std::string_view take(uint64_t count) {
    if (count > bytes_.size()) malformed();
    const std::string_view data = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return data;
  }

  std::string_view bytes_;
  const std::string& place_;
  uint64_t field_ = 0, number_ = 0;
  int kind_ = 0;
  std::string_view data_;
};

uint32_t little_endian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<size_t>(i)]);
  return value;
}

// A map of characters for normalisation: the size of a double-array trie, the trie in units of 32 bits, and the texts that
// its leaves point to, each ended by a zero. The library follows the links without a look.
// Source: Yata, "Darts-clone", https://github.com/s-yata/darts-clone, the layout of DoubleArrayUnit.
void check_character_map(std::string_view map, const std::string& place) {
  if (map.empty()) return;
  if (map.size() < 5) refuse_model(place, "has a normalisation table that is cut off");
  const uint32_t trie_bytes = little_endian(map, 0);
  if (trie_bytes > map.size() - 4 || trie_bytes % 4 != 0 || trie_bytes < 1024) {
    refuse_model(place, "has a normalisation table whose size does not fit");
  }
  const uint32_t units = trie_bytes / 4;
  const std::string_view texts = map.substr(4 + trie_bytes);
  if (texts.empty() || texts.back() != '\0')
    refuse_model(place, "has a normalisation table without its texts");
  if (to_utf8(from_utf8(texts)) != texts) {
    refuse_model(place, "has a normalisation table whose texts are not UTF-8");
  }
  for (uint32_t at = 0; at < units; ++at) {
    const uint32_t unit = little_endian(map, 4 + size_t{at} * 4);
    if (unit >> 31) {  // a leaf
      if ((unit & 0x7FFFFFFF) >= texts.size())
        refuse_model(place, "has a normalisation table with a link out of it");
      continue;
    }
    const uint32_t offset = (unit >> 10) << ((unit & (1u << 9)) >> 6);
    const uint32_t target = at ^ offset;
    const bool has_leaf = (unit >> 8 & 1) != 0;
    if ((target | 0xFF) >= units ||
        (has_leaf && (little_endian(map, 4 + size_t{target} * 4) & 0x7FFFFFFF) >= texts.size())) {
      refuse_model(place, "has a normalisation table with a link out of it");
    }
  }
}

void check_normalizer(std::string_view bytes, const std::string& place) {
  ProtoReader spec(bytes, place);
  while (spec.next()) {
    if (spec.field() == 2 && spec.is_message()) check_character_map(spec.data(), place);
  }
}

// Returns its type: 1 normal, 2 unknown, ...
uint64_t check_piece(std::string_view bytes, const std::string& place) {
  uint64_t type = 1;
  std::string_view text;
  ProtoReader piece(bytes, place);
  while (piece.next()) {
    if (piece.field() == 1 && piece.is_message()) {
      text = piece.data();
    } else if (piece.field() == 2 && piece.is_float()) {
      if (!std::isfinite(piece.as_float()) || std::abs(piece.as_float()) > 1e30f) {
        refuse_model(place, "has a piece whose score is no number of a sensible size");
      }
    } else if (piece.field() == 3 && piece.is_number()) {
      type = piece.number();
    } else if (piece.field() <= 3) {
      piece.malformed();
    }
  }
  if (text.empty() || text.size() > 4096)
    refuse_model(place, "has a piece that is empty or has more than 4096 bytes");
  if (to_utf8(from_utf8(text)) != text || text.find('\0') != std::string_view::npos) {
    refuse_model(place, "has a piece that is not UTF-8");
  }
  if (type < 1 || type > 6) refuse_model(place, "has a piece of an unknown type");
  return type;
}

}  // namespace

void check_sentence_piece_model(std::string_view bytes, const std::string& place) {
  uint64_t pieces = 0, unknown = 0;
  ProtoReader model(bytes, place);
  while (model.next()) {
    if (model.field() <= 5 && !model.is_message()) model.malformed();
    if (model.field() == 1) {
      if (++pieces > 1'000'000) refuse_model(place, "has more than 1000000 pieces");
      unknown += check_piece(model.data(), place) == 2;
    } else if (model.field() == 2) {  // how it was trained
      ProtoReader trainer(model.data(), place);
      while (trainer.next()) {
      }
    } else if (model.field() == 3 || model.field() == 5) {
      check_normalizer(model.data(), place);
    } else if (model.field() == 4) {  // examples to test it with, which the library would run
      refuse_model(place, "brings tests of its own, which are not run");
    }
  }
  if (pieces == 0) refuse_model(place, "must be a SentencePiece model, and has no pieces");
  if (unknown != 1)
    refuse_model(place, "must have exactly one unknown piece, has " + std::to_string(unknown));
}

}  // namespace reel::models
