// Statements to text.
#pragma once

#include <string>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

/// Appends what a template writes to `text`. Throws: Fault.
void execute(const Tree& tree, Machine& machine, std::string& text);

}  // namespace reel::models::jinja
