// Taking names of layers apart, from the left.
#pragma once

#include <cstdint>
#include <string_view>

namespace reel::models {

/// Removes `word` from the beginning of `rest`; returns whether it was there.
inline bool take(std::string_view& rest, std::string_view word) {
  if (!rest.starts_with(word)) return false;
  rest.remove_prefix(word.size());
  return true;
}

/// Removes a number of at most three digits, and the dot after it, from the beginning of `rest`; returns -1
/// if there is none.
inline int64_t take_index(std::string_view& rest) {
  const size_t digits = rest.find('.');
  if (digits < 1 || digits > 3) return -1;
  int64_t index = 0;
  for (const char c : rest.substr(0, digits)) {
    if (c < '0' || c > '9') return -1;
    index = 10 * index + (c - '0');
  }
  rest.remove_prefix(digits + 1);
  return index;
}

}  // namespace reel::models
