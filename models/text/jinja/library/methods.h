// Methods of Python's types.
#pragma once

#include <optional>
#include <string>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

/// The method `name` of a value's type, bound to it; none if the type has none of that name. A method that Python has and
/// this reader lacks fails with kUnsupported when it is called.
std::optional<Value> method_of(const Value& object, const std::string& name);

/// Whether the method would change the object, which the sandbox forbids.
bool is_changing_method(const Value& object, const std::string& name);

}  // namespace reel::models::jinja
