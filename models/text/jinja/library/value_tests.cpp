#include "models/text/jinja/library/value_tests.h"

#include <algorithm>
#include <iterator>

#include "models/files/utf8.h"
#include "models/text/jinja/filters/filters.h"
#include "models/text/jinja/library/arithmetic.h"
#include "models/text/jinja/values/comparison.h"
#include "models/text/jinja/values/python_text.h"
#include "models/text/jinja/values/value_text.h"

namespace reel::models::jinja {

namespace {

using ValueKind = Value::Kind;

// A test without arguments.
template <bool (*passes)(const Value&)>
bool plain_test(Machine&, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("a test", arguments, {});
  return passes(input);
}

bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.is(ValueKind::kBool); }
bool is_true(const Value& value) { return value.is(ValueKind::kBool) && value.boolean(); }
bool is_false(const Value& value) { return value.is(ValueKind::kBool) && !value.boolean(); }
bool is_whole(const Value& value) { return value.is(ValueKind::kInt); }
bool is_fraction(const Value& value) { return value.is(ValueKind::kFloat); }
bool is_any_number(const Value& value) { return value.is_number(); }
bool is_text(const Value& value) { return value.is_string(); }
bool is_mapping(const Value& value) { return value.is(ValueKind::kDict); }
bool is_escaped(const Value& value) { return value.safe(); }
bool is_callable(const Value& value) {
  return value.is_undefined() || value.as<Callable>() != nullptr;  // Undefined has __call__
}
// What has a length and items: Python asks for len and __getitem__.
bool is_indexable(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is_sequence() || value.is(ValueKind::kDict) ||
         value.as<Range>() != nullptr;
}

template <Comparison comparison>
bool comparing(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("a comparison", arguments, {"other"}, 1);
  return compare(comparison, input, *bound.find(0), machine.budget);
}

bool is_same(Machine&, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("sameas", arguments, {"other"}, 1);
  return input.same_as(*bound.find(0));
}

bool leaves(Machine& machine, const Value& input, const Value& by, int64_t rest) {
  const Value left = calculate(Arithmetic::kModulo, input, by, machine);
  return equal(left, Value(rest));
}
template <int64_t rest>
bool of_two(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none(rest == 0 ? "even" : "odd", arguments, {});
  return leaves(machine, input, Value(int64_t{2}), rest);
}
bool is_divisible(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("divisibleby", arguments, {"num"}, 1);
  return leaves(machine, input, *bound.find(0), 0);
}

template <bool upper>
bool in_case(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none(upper ? "upper" : "lower", arguments, {});
  const std::u32string points = from_utf8(text_of(input, machine.budget));
  const auto right = upper ? is_upper : is_lower;
  const auto wrong = [&](char32_t point) { return is_cased(point) && !right(point); };
  return std::any_of(points.begin(), points.end(), right) &&
         std::none_of(points.begin(), points.end(), wrong);
}

bool names_filter(Machine&, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("filter", arguments, {});
  return input.is_string() && find_filter(input.text()) != nullptr;
}
bool names_test(Machine&, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("test", arguments, {});
  return input.is_string() && find_test(input.text()) != nullptr;
}

constexpr TestEntry kTests[] = {
    {"defined", plain_test<is_defined>},
    {"undefined", plain_test<is_undefined>},
    {"none", plain_test<is_none>},
    {"boolean", plain_test<is_boolean>},
    {"true", plain_test<is_true>},
    {"false", plain_test<is_false>},
    {"integer", plain_test<is_whole>},
    {"float", plain_test<is_fraction>},
    {"number", plain_test<is_any_number>},
    {"string", plain_test<is_text>},
    {"mapping", plain_test<is_mapping>},
    {"iterable", plain_test<is_iterable>},
    {"sequence", plain_test<is_indexable>},
    {"callable", plain_test<is_callable>},
    {"escaped", plain_test<is_escaped>},
    {"odd", of_two<1>},
    {"even", of_two<0>},
    {"divisibleby", is_divisible},
    {"lower", in_case<false>},
    {"upper", in_case<true>},
    {"sameas", is_same},
    {"filter", names_filter},
    {"test", names_test},
    {"in", comparing<Comparison::kIn>},
    {"==", comparing<Comparison::kEqual>},
    {"eq", comparing<Comparison::kEqual>},
    {"equalto", comparing<Comparison::kEqual>},
    {"!=", comparing<Comparison::kUnequal>},
    {"ne", comparing<Comparison::kUnequal>},
    {"<", comparing<Comparison::kLess>},
    {"lt", comparing<Comparison::kLess>},
    {"lessthan", comparing<Comparison::kLess>},
    {"<=", comparing<Comparison::kLessOrEqual>},
    {"le", comparing<Comparison::kLessOrEqual>},
    {">", comparing<Comparison::kGreater>},
    {"gt", comparing<Comparison::kGreater>},
    {"greaterthan", comparing<Comparison::kGreater>},
    {">=", comparing<Comparison::kGreaterOrEqual>},
    {"ge", comparing<Comparison::kGreaterOrEqual>},
};

}  // namespace

const TestEntry* find_test(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kTests), std::end(kTests), [&](const TestEntry& e) { return e.name == name; });
  return found == std::end(kTests) ? nullptr : found;
}

}  // namespace reel::models::jinja
