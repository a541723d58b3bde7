// JSON as values of templates.
#pragma once

#include <string_view>

#include "models/text/jinja/values/template_value.h"

namespace reel::models::jinja {

/// Objects keep the order of their keys. Throws: Fault kSyntax if the text is no JSON, kUnsupported for integers beyond 64
/// bits, kLimit if it is too deep or too large.
Value value_of_json(std::string_view json, Budget& budget);

}  // namespace reel::models::jinja
