// Operators of values.
#pragma once

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

/// Python's + - * / // % and **: numbers, texts, lists and tuples. Integers have 64 bits.
/// Throws: Fault kType if the operation does not fit (division by zero too), kUndefined, and kUnsupported for results
/// beyond 64 bits.
Value calculate(Arithmetic operation, const Value& left, const Value& right, Machine& machine);
/// -value or +value.
Value with_sign(const Value& value, bool negative);
/// `a ~ b ~ c`: their texts, one behind the other.
Value concatenated(const Values& parts, Machine& machine);

/// Text with & < > " and ' as HTML writes them, marked safe.
Value escaped_text(const Value& value, Machine& machine);

}  // namespace reel::models::jinja
