#include "models/files/utf8.h"

namespace reel::models {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

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

}  // namespace reel::models
