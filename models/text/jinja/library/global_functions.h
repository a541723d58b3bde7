// Functions that every template may call: range, dict, namespace, raise_exception, strftime_now.
#pragma once

#include <optional>
#include <string>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

/// None if there is no such function.
std::optional<Value> global_function(const std::string& name);

}  // namespace reel::models::jinja
