// How the readers of untrusted files give up on one.
#pragma once

#include <stdexcept>
#include <string>

namespace reel::models {

/// Throws: std::runtime_error "what is wrong", to which the caller that knows the file adds place and way
/// out.
[[noreturn]] inline void refuse(const std::string& what) { throw std::runtime_error(what); }

}  // namespace reel::models
