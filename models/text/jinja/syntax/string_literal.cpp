#include "models/text/jinja/syntax/string_literal.h"

#include <cstdio>

#include "models/files/utf8.h"

namespace reel::models::jinja {

namespace {

int digit_value(char32_t point) {
  if (point >= U'0' && point <= U'9') return static_cast<int>(point - U'0');
  const char32_t lower = point | 0x20;
  return lower >= U'a' && lower <= U'f' ? static_cast<int>(lower - U'a') + 10 : 99;
}

// The escape that Python writes for a character beyond ASCII, without its backslash.
std::string escape_of(char32_t point) {
  char text[16];
  const char* form = point < 0x100 ? "x%02x" : point < 0x10000 ? "u%04x" : "U%08x";
  std::snprintf(text, sizeof text, form, static_cast<unsigned>(point));
  return text;
}

}  // namespace

std::string string_value(std::u32string_view literal, int line) {
  std::string value;
  size_t at = 0;
  // Reads up to `most` digits of a base.
  const auto number = [&](size_t least, size_t most, int base) {
    char32_t point = 0;
    size_t count = 0;
    while (count < most && at < literal.size() && digit_value(literal[at]) < base) {
      point = point * base + digit_value(literal[at++]);
      ++count;
    }
    if (count < least) throw Fault(FaultKind::kSyntax, "has an escape in a text that is cut off", line);
    if (point > 0x10FFFF) throw Fault(FaultKind::kSyntax, "has an escape beyond the last character", line);
    if (point >= 0xD800 && point < 0xE000) {
      throw Fault(FaultKind::kUnsupported, "has half of a surrogate pair in a text, which is not supported",
                  line);
    }
    append_utf8(value, point);
  };
  while (at < literal.size()) {
    const char32_t point = literal[at++];
    if (point != U'\\' || at == literal.size()) {
      append_utf8(value, point);
      continue;
    }
    const char32_t escape = literal[at++];
    constexpr std::u32string_view kPlain = U"\\'\"abfnrtv";
    constexpr std::string_view kMeant = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t known = kPlain.find(escape); known != std::u32string_view::npos) {
      value += kMeant[known];
    } else if (escape == U'\n') {  // the line goes on
    } else if (escape >= U'0' && escape <= U'7') {
      --at;
      number(1, 3, 8);
    } else if (escape == U'x') {
      number(2, 2, 16);
    } else if (escape == U'u') {
      number(4, 4, 16);
    } else if (escape == U'U') {
      number(8, 8, 16);
    } else if (escape == U'N') {
      throw Fault(FaultKind::kUnsupported, "names a character in a text (\\N{...}), which is not supported",
                  line);
    } else {  // no escape: the backslash stays; Jinja has escaped what is not ASCII before it looks
      value += '\\';
      if (escape < 0x80) {
        value += static_cast<char>(escape);
      } else {
        value += escape_of(escape);
      }
    }
  }
  return value;
}

}  // namespace reel::models::jinja
