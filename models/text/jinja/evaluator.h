// Expressions to values.
#pragma once

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

/// Throws: Fault.
Value evaluate(const Expression& expression, Machine& machine, Activation& activation);
/// The arguments of a call, a filter or a test.
CallArguments evaluate(const Arguments& arguments, Machine& machine, Activation& activation);
/// A filter whose input is the text of a block: the innermost one of a chain has no input of its own.
Value apply_filters(const Expression& filter, const Value& input, Machine& machine, Activation& activation);
/// Calls a value. Throws: Fault kType if it cannot be called.
Value call_value(const Value& callee, const CallArguments& arguments, Machine& machine);

/// The variable of a name.
std::optional<Value>& variable(const Place& place, Activation& activation);

}  // namespace reel::models::jinja
