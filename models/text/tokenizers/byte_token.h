// Tokens that stand for one byte: <0x41>.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace reel::models {

/// The byte of such a token, in digits of either case; -1 if it is another one.
inline int byte_of_token(const std::string& token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
  int value = 0;
  for (const char digit : {token[3], token[4]}) {
    const char lower = static_cast<char>(digit | 0x20);
    const bool number = digit >= '0' && digit <= '9';
    if (!number && (lower < 'a' || lower > 'f')) return -1;
    value = value * 16 + (number ? digit - '0' : lower - 'a' + 10);
  }
  return value;
}

inline std::string token_of_byte(uint8_t byte) {
  char text[8];
  std::snprintf(text, sizeof text, "<0x%02X>", byte);
  return text;
}

}  // namespace reel::models
