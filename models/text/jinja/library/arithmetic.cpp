#include "models/text/jinja/library/arithmetic.h"

#include <cmath>

#include "models/text/jinja/library/text_format.h"
#include "models/text/jinja/values/value_text.h"

namespace reel::models::jinja {

namespace {

const char* sign_of(Arithmetic operation) {
  switch (operation) {
    case Arithmetic::kAdd:
      return "+";
    case Arithmetic::kSubtract:
      return "-";
    case Arithmetic::kMultiply:
      return "*";
    case Arithmetic::kDivide:
      return "/";
    case Arithmetic::kFloorDivide:
      return "//";
    case Arithmetic::kModulo:
      return "%";
    case Arithmetic::kPower:
      return "**";
  }
  return "";
}

[[noreturn]] void too_large() {
  throw Fault(FaultKind::kUnsupported, "makes an integer beyond 64 bits, which is not supported");
}
[[noreturn]] void by_zero() { throw Fault(FaultKind::kType, "divides by zero"); }

double float_modulo(double left, double right) {
  double rest = std::fmod(left, right);
  if (rest != 0 && (rest < 0) != (right < 0)) rest += right;
  return rest == 0 ? std::copysign(0.0, right) : rest;
}

Value integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) by_zero();
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) too_large();
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) too_large();
  }
  return Value(result);
}

Value of_integers(Arithmetic operation, int64_t left, int64_t right) {
  int64_t result = 0;
  switch (operation) {
    case Arithmetic::kAdd:
      if (__builtin_add_overflow(left, right, &result)) too_large();
      return Value(result);
    case Arithmetic::kSubtract:
      if (__builtin_sub_overflow(left, right, &result)) too_large();
      return Value(result);
    case Arithmetic::kMultiply:
      if (__builtin_mul_overflow(left, right, &result)) too_large();
      return Value(result);
    case Arithmetic::kDivide:
      if (right == 0) by_zero();
      // Rounds once, as Python does: both fit the wider type.
      return Value(static_cast<double>(static_cast<long double>(left) / static_cast<long double>(right)));
    case Arithmetic::kFloorDivide:
    case Arithmetic::kModulo: {
      if (right == 0) by_zero();
      if (right == -1)
        return of_integers(Arithmetic::kMultiply, left, operation == Arithmetic::kModulo ? 0 : -1);
      const int64_t rest = left % right;
      const bool below = rest != 0 && (rest < 0) != (right < 0);
      return Value(operation == Arithmetic::kModulo ? (below ? rest + right : rest) : left / right - below);
    }
    case Arithmetic::kPower:
      return integer_power(left, right);
  }
  return {};
}

Value of_floats(Arithmetic operation, double left, double right) {
  switch (operation) {
    case Arithmetic::kAdd:
      return Value(left + right);
    case Arithmetic::kSubtract:
      return Value(left - right);
    case Arithmetic::kMultiply:
      return Value(left * right);
    case Arithmetic::kDivide:
      if (right == 0) by_zero();
      return Value(left / right);
    case Arithmetic::kFloorDivide: {
      if (right == 0) by_zero();
      const double rest = float_modulo(left, right);
      const double quotient = (left - rest) / right;
      const double floor = std::floor(quotient);
      return Value(quotient - floor > 0.5 ? floor + 1 : floor);
    }
    case Arithmetic::kModulo:
      if (right == 0) by_zero();
      return Value(float_modulo(left, right));
    case Arithmetic::kPower: {
      if (left == 0 && right < 0) by_zero();
      const double result = std::pow(left, right);
      if (left < 0 && std::isfinite(right) && right != std::floor(right)) {
        throw Fault(FaultKind::kUnsupported, "makes a complex number, which is not supported");
      }
      if (std::isinf(result) && std::isfinite(left) && std::isfinite(right)) {
        throw Fault(FaultKind::kType, "makes a number that is too large");
      }
      return Value(result);
    }
  }
  return {};
}

Value repeated(const Value& value, int64_t times, Machine& machine) {
  const auto count = static_cast<uint64_t>(std::max<int64_t>(times, 0));
  if (value.is_string()) {
    const std::string& text = value.text();
    if (!text.empty() && count > UINT64_MAX / 2 / text.size()) machine.budget.make(UINT64_MAX);
    machine.budget.make(text.size() * count);
    std::string result;
    result.reserve(text.size() * count);
    for (uint64_t i = 0; i < count && !text.empty(); ++i) result += text;
    return Value(std::move(result), value.safe());
  }
  const Values& items = value.items();
  if (!items.empty() && count > kMostWeight) machine.budget.make(UINT64_MAX);
  machine.budget.make(items.size() * count * sizeof(Value));
  Values result;
  for (uint64_t i = 0; i < count && !items.empty(); ++i)
    result.insert(result.end(), items.begin(), items.end());
  return value.is(Value::Kind::kTuple) ? Value::tuple(std::move(result), machine.budget)
                                       : Value::list(std::move(result), machine.budget);
}

Value added(const Value& left, const Value& right, Machine& machine) {
  if (left.is_string()) {
    if (left.safe() != right.safe()) {  // markupsafe escapes the other one
      return added(left.safe() ? left : escaped_text(left, machine),
                   right.safe() ? right : escaped_text(right, machine), machine);
    }
    machine.budget.make(left.text().size() + right.text().size());
    return Value(left.text() + right.text(), left.safe());
  }
  Values items = left.items();
  items.insert(items.end(), right.items().begin(), right.items().end());
  return left.is(Value::Kind::kTuple) ? Value::tuple(std::move(items), machine.budget)
                                      : Value::list(std::move(items), machine.budget);
}

}  // namespace

Value calculate(Arithmetic operation, const Value& left, const Value& right, Machine& machine) {
  if (left.is_string() && operation == Arithmetic::kModulo) {
    if (left.safe()) throw Fault(FaultKind::kUnsupported, "formats a text that is marked safe by '%'");
    return Value(percent_format(left.text(), right, machine));
  }
  if (left.is_undefined()) left.fail_undefined();
  if (right.is_undefined()) right.fail_undefined();
  if (left.is_number() && right.is_number()) {
    if (left.is_integer() && right.is_integer())
      return of_integers(operation, left.integer(), right.integer());
    return of_floats(operation, left.number(), right.number());
  }
  const bool sequences = left.is_string() || left.is_sequence();
  if (operation == Arithmetic::kAdd && sequences && left.kind() == right.kind())
    return added(left, right, machine);
  if (operation == Arithmetic::kMultiply && sequences && right.is_integer()) {
    return repeated(left, right.integer(), machine);
  }
  if (operation == Arithmetic::kMultiply && left.is_integer() && (right.is_string() || right.is_sequence())) {
    return repeated(right, left.integer(), machine);
  }
  throw Fault(FaultKind::kType, std::string("computes '") + left.type_name() + "' " + sign_of(operation) +
                                    " '" + right.type_name() + "', which does not go together");
}

Value with_sign(const Value& value, bool negative) {
  if (value.is_undefined()) value.fail_undefined();
  if (value.is(Value::Kind::kFloat)) return Value(negative ? -value.number() : value.number());
  if (!value.is_integer()) throw Fault(FaultKind::kType, "gives a '" + value.type_name() + "' a sign");
  if (negative && value.integer() == INT64_MIN) too_large();
  return Value(negative ? -value.integer() : value.integer());
}

Value concatenated(const Values& parts, Machine& machine) {
  std::string text;
  for (const Value& part : parts) {
    const std::string more = text_of(part, machine.budget);
    machine.budget.make(more.size());
    text += more;
  }
  return Value(std::move(text));
}

Value escaped_text(const Value& value, Machine& machine) {
  if (value.safe()) return value;
  std::string text;
  for (const char byte : text_of(value, machine.budget)) {
    switch (byte) {
      case '&':
        text += "&amp;";
        break;
      case '<':
        text += "&lt;";
        break;
      case '>':
        text += "&gt;";
        break;
      case '"':
        text += "&#34;";
        break;
      case '\'':
        text += "&#39;";
        break;
      default:
        text += byte;
    }
  }
  machine.budget.make(text.size());
  return Value(std::move(text), true);
}

}  // namespace reel::models::jinja
