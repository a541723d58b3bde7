// JSON on stdout.
#pragma once

#include <string>

namespace reel::app {

/// Prints a JSON document on one line.
void print_json(const std::string& document);

}  // namespace reel::app
