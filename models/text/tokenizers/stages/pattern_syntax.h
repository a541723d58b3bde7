// From Oniguruma's syntax of regular expressions to PCRE2's.
#pragma once

#include <string>

namespace reel::models {

/// Throws: std::runtime_error "[place] ..." for what the two do not mean alike, by name.
std::string translated_pattern(const std::string& pattern, const std::string& place);

}  // namespace reel::models
