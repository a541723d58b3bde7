// Methods of Python's str.
#pragma once

#include <string>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

/// Whether `self`, a text, has the method here: on texts marked safe only those whose result does not depend on it.
bool has_text_method(const Value& self, const std::string& name);
/// Throws: Fault kType for arguments that do not fit.
Value call_text_method(const Value& self, const std::string& name, const CallArguments& arguments,
                       Machine& machine);

}  // namespace reel::models::jinja
