// Tests by name: `value is name(arguments)`.
#pragma once

#include <string_view>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

struct TestEntry {
  const char* name;
  /// Throws: Fault for values and arguments that do not fit.
  bool (*passes)(Machine& machine, const Value& input, const CallArguments& arguments);
};

/// Null if no test of that name is known.
const TestEntry* find_test(std::string_view name);

}  // namespace reel::models::jinja
