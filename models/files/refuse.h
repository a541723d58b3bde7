// Rejects a file that a reader does not trust.
#pragma once

#include <stdexcept>
#include <string>

namespace reel::models {

/// Throws: std::runtime_error "what is wrong". The caller, which knows the file, adds place and way out.
[[noreturn]] inline void refuse(const std::string& what) { throw std::runtime_error(what); }

}  // namespace reel::models
