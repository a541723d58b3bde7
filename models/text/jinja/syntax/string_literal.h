// The value of a quoted text in a template.
#pragma once

#include <string>
#include <string_view>

#include "models/text/jinja/values/template_fault.h"

namespace reel::models::jinja {

/// What stands between the quotes, with Python's escapes (\n, \x41, \u0041, \101) replaced. Throws: Fault kSyntax with
/// `line` if an escape is cut off, kUnsupported for names of characters (\N{...}) and halves of surrogate pairs.
std::string string_value(std::u32string_view literal, int line);

}  // namespace reel::models::jinja
