// Some tests have a long form, for nights and for changes of what they are about.
#pragma once

#include <cstdlib>

namespace reel {

/// Whether the long forms are asked for: REEL_LONG_TESTS=1 in the environment.
inline bool long_tests() {
  const char* value = std::getenv("REEL_LONG_TESTS");
  return value && *value && *value != '0';
}

}  // namespace reel
