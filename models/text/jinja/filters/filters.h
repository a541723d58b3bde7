// Filters by name: `value | name(arguments)`.
#pragma once

#include <string_view>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

struct FilterEntry {
  const char* name;
  /// Throws: Fault for values and arguments that do not fit.
  Value (*apply)(Machine& machine, const Value& input, const CallArguments& arguments);
};

/// Null if no filter of that name is known.
const FilterEntry* find_filter(std::string_view name);

}  // namespace reel::models::jinja
