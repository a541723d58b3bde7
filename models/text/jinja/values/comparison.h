// Equality, order, membership and truth of values, as Python has them.
#pragma once

#include <string>

#include "models/text/jinja/values/template_value.h"

namespace reel::models::jinja {

/// Python's ==. Takes time in the lesser of the two weights, which the caller counts.
bool equal(const Value& left, const Value& right);
/// Throws: Fault kType if the value is not hashable (a list or dict, or a tuple that holds one).
size_t hash_of(const Value& value);
/// Python's <. Throws: Fault kType if the two have no order, or of an undefined value, its own.
bool less(const Value& left, const Value& right);

enum class Comparison { kEqual, kUnequal, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kIn, kNotIn };
/// Throws: as less; for kIn and kNotIn, Fault kType if `right` holds nothing.
bool compare(Comparison comparison, const Value& left, const Value& right, Budget& budget);

bool truth(const Value& value);

}  // namespace reel::models::jinja
