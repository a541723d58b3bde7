// Statements of templates.
#pragma once

#include <string_view>

#include "models/text/jinja/syntax/template_tree.h"

namespace reel::models::jinja {

/// Reads a whole template. Places of names are not resolved yet (resolve_names).
/// Throws: Fault kSyntax, kUnsupported or kLimit, with the line.
Tree parse_template(std::string_view utf8);

}  // namespace reel::models::jinja
