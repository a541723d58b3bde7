// Words of messages: rejecting a file that a reader does not trust, and naming a few of many.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace reel::models {

/// Throws: std::runtime_error "what is wrong". The caller, which knows the file, adds place and way out.
[[noreturn]] inline void refuse(const std::string& what) { throw std::runtime_error(what); }

/// "'a', 'b', 'c' and 12 more", with at most `most` names.
inline std::string few_of(const std::vector<std::string>& names, size_t most = 3) {
  std::string text;
  const size_t count = std::min(names.size(), most);
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "'" : ", '") + names[i] + "'";
  return names.size() > count ? text + " and " + std::to_string(names.size() - count) + " more" : text;
}

}  // namespace reel::models
