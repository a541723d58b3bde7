// `target=value` arguments.
#pragma once

#include <string>
#include <utility>

namespace reel::app {

/// Splits `target=value` at the first `=`.
/// Throws: std::invalid_argument, naming `example`, if there is none or the target is empty.
std::pair<std::string, std::string> split_assignment(const std::string& text, const std::string& example);

}  // namespace reel::app
