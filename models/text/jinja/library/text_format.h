// Texts with places for values: "%s" % value, and "{}".format(value).
#pragma once

#include <string>
#include <string_view>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

/// `format % values`; `values`: a tuple of them, a dict for %(name)s, or one value.
/// Throws: Fault kType if they do not fit, kUnsupported for conversions other than s, r, d, i, u, f, e, g, x, o, c and %.
std::string percent_format(std::string_view format, const Value& values, Machine& machine);

/// str.format with places {}, {0}, {name}, {0.attribute}, {0[key]} and the conversions !s and !r.
/// Throws: Fault kType if the values do not fit, kUnsupported for formats behind a colon.
std::string brace_format(std::string_view format, const CallArguments& values, Machine& machine);

}  // namespace reel::models::jinja
