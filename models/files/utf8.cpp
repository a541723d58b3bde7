#include "models/files/utf8.h"

#include <cstdint>

namespace reel::models {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Block {
  char32_t first, last;
};

// Unicode 15.1: Default_Ignorable_Code_Point of DerivedCoreProperties.txt without variation selectors; Zl and Zp; the
// controls (Cc), and the interlinear annotation characters, which are Cf.
constexpr Block kHidden[] = {{0x0000, 0x001F},   {0x007F, 0x009F},   {0x00AD, 0x00AD},  {0x034F, 0x034F},
                             {0x061C, 0x061C},   {0x115F, 0x1160},   {0x17B4, 0x17B5},  {0x180E, 0x180E},
                             {0x200B, 0x200F},   {0x2028, 0x202E},   {0x2060, 0x206F},  {0x3164, 0x3164},
                             {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},  {0x1BCA0, 0x1BCA3},
                             {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF}, {0xE01F0, 0xE0FFF}};

/// How many bytes the character at the head of a text has that is not empty; 0: it is no UTF-8.
size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const size_t bytes = lead < 0x80   ? 1
                       : lead < 0xC2 ? 0
                       : lead < 0xE0 ? 2
                       : lead < 0xF0 ? 3
                       : lead < 0xF5 ? 4
                                     : 0;
  if (bytes < 2) return bytes;
  const std::string_view one = text.substr(0, bytes);
  return to_utf8(from_utf8(one)) == one ? bytes : 0;
}

bool is_plain(char byte) { return byte >= ' ' && byte < '\x7f'; }

void append_hex(std::string& text, const char* mark, uint32_t value, int digits) {
  text += mark;
  for (int i = digits - 1; i >= 0; --i) text += "0123456789abcdef"[value >> (4 * i) & 15];
}

}  // namespace

std::u32string from_utf8(std::string_view text) {
  std::u32string points;
  points.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) {
      points.push_back(lead);
      continue;
    }
    // How many bytes follow, and the range of the first of them (it excludes overlong forms, surrogates and
    // values above U+10FFFF).
    const int follow = lead >= 0xC2 && lead <= 0xDF   ? 1
                       : lead >= 0xE0 && lead <= 0xEF ? 2
                       : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                      : 0;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    char32_t point = lead & (0x3F >> follow);
    int left = follow;
    for (; left > 0 && i < text.size(); --left, ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte < low || byte > high) break;
      point = point << 6 | (byte & 0x3F);
      low = 0x80;
      high = 0xBF;
    }
    points.push_back(follow == 0 || left > 0 ? kReplacement : point);
  }
  return points;
}

void append_utf8(std::string& text, char32_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
    return;
  }
  const int follow = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  text += static_cast<char>((0xFF00 >> (follow + 1) & 0xFF) | point >> (6 * follow));
  for (int i = follow - 1; i >= 0; --i) text += static_cast<char>(0x80 | (point >> (6 * i) & 0x3F));
}

std::string to_utf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (const char32_t point : text) append_utf8(bytes, point);
  return bytes;
}

std::string_view without_bom(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

bool is_hidden(char32_t point) {
  for (const Block& block : kHidden) {
    if (point <= block.last) return point >= block.first;
  }
  return false;
}

std::string escaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t known = character_bytes(text);
    const std::string_view one = text.substr(0, known == 0 ? 1 : known);
    text.remove_prefix(one.size());
    if (one == "\n") {
      result += "\\n";
    } else if (is_plain(one.front()) || (known > 0 && !is_hidden(from_utf8(one).front()))) {
      result += one;
    } else {
      for (const char byte : one) append_hex(result, "\\x", static_cast<unsigned char>(byte), 2);
    }
  }
  return result;
}

std::string_view whole_characters(std::string_view text, size_t bytes) {
  for (int back = 0; back < 3 && bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80;
       ++back)
    --bytes;
  return text.substr(0, bytes);
}

std::string json_escaped(std::string_view document) {
  std::string result;
  while (!document.empty()) {
    const size_t known = character_bytes(document);
    const std::string_view one = document.substr(0, known == 0 ? 1 : known);
    document.remove_prefix(one.size());
    const bool space = static_cast<unsigned char>(one.front()) < 0x20;  // between values: texts have none
    const char32_t point = is_plain(one.front()) || space ? U' ' : from_utf8(one).front();
    if (!is_hidden(point)) {
      result += one;
    } else if (point < 0x10000) {
      append_hex(result, "\\u", point, 4);
    } else {  // JSON escapes are UTF-16
      append_hex(result, "\\u", 0xD800 + ((point - 0x10000) >> 10), 4);
      append_hex(result, "\\u", 0xDC00 + ((point - 0x10000) & 0x3FF), 4);
    }
  }
  return result;
}

}  // namespace reel::models
