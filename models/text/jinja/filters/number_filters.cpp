#include "models/text/jinja/filters/number_filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "models/text/jinja/values/comparison.h"
#include "models/text/jinja/values/python_text.h"

namespace reel::models::jinja {

namespace {

// Digits without the underscores that Python allows between them; none if one stands elsewhere.
std::optional<std::string> without_underscores(std::string text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') continue;
    const auto digit = [&](size_t at) {
      return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at]));
    };
    if (i == 0 || !digit(i - 1) || !digit(i + 1)) return std::nullopt;
  }
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  return text;
}

// Python's int(text, base). None if the text is no such number.
std::optional<int64_t> parsed_integer(const std::string& given, int64_t base) {
  std::string text = strip_text(given, std::nullopt);
  const bool negative = text.starts_with("-");
  if (negative || text.starts_with("+")) text.erase(0, 1);
  const std::string prefix = lower_text(text.substr(0, 2));
  const int64_t of_prefix = prefix == "0x" ? 16 : prefix == "0o" ? 8 : prefix == "0b" ? 2 : 0;
  if (of_prefix != 0 && (base == of_prefix || base == 0)) {
    base = of_prefix;
    text.erase(0, 2);
    if (text.starts_with("_")) text.erase(0, 1);
  } else if (base == 0) {
    if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != std::string::npos)
      return std::nullopt;
    base = 10;
  }
  const std::optional<std::string> digits = without_underscores(text);
  if (!digits || digits->empty() || base < 2 || base > 36) return std::nullopt;
  const std::string whole = (negative ? "-" : "") + *digits;
  if (digits->front() == '-') return std::nullopt;
  int64_t value = 0;
  const auto [end, code] =
      std::from_chars(whole.data(), whole.data() + whole.size(), value, static_cast<int>(base));
  if (end != whole.data() + whole.size() && code != std::errc::result_out_of_range) return std::nullopt;
  if (code == std::errc::result_out_of_range) {
    throw Fault(FaultKind::kUnsupported, "reads an integer beyond 64 bits, which is not supported");
  }
  return value;
}

// Python's float(text). None if the text is no such number.
std::optional<double> parsed_float(const std::string& given) {
  std::string text = strip_text(given, std::nullopt);
  const bool negative = text.starts_with("-");
  if (negative || text.starts_with("+")) text.erase(0, 1);
  const std::optional<std::string> digits = without_underscores(text);
  if (!digits || digits->empty() || digits->front() == '-') return std::nullopt;
  double value = 0;
  const auto [end, code] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (end != digits->data() + digits->size() || digits->find('(') != std::string::npos) return std::nullopt;
  if (code == std::errc::result_out_of_range) value = std::strtod(digits->c_str(), nullptr);
  return negative ? -value : value;
}

// Towards zero. Throws: Fault kUnsupported beyond 64 bits.
int64_t truncated(double number) {
  if (std::abs(number) >= 9.2233720368547758e18) {
    throw Fault(FaultKind::kUnsupported, "makes an integer beyond 64 bits, which is not supported");
  }
  return static_cast<int64_t>(number);
}

Value to_integer(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("int", arguments, {"default", "base"});
  const Value otherwise = bound.get(0, Value(int64_t{0}));
  if (input.is_undefined()) input.fail_undefined();
  if (input.is_string()) {
    machine.budget.step(input.text().size() / 16 + 1);
    if (const std::optional<int64_t> value = parsed_integer(input.text(), bound.integer(1, 10)))
      return Value(*value);
    const std::optional<double> value = parsed_float(input.text());
    return value && std::isfinite(*value) ? Value(truncated(*value)) : otherwise;
  }
  if (input.is_integer()) return Value(input.integer());
  if (!input.is(Value::Kind::kFloat)) return otherwise;
  if (std::isinf(input.number())) throw Fault(FaultKind::kType, "makes an integer of infinity");
  return std::isnan(input.number()) ? otherwise : Value(truncated(input.number()));
}

Value to_float(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("float", arguments, {"default"});
  const Value otherwise = bound.get(0, Value(0.0));
  if (input.is_undefined()) input.fail_undefined();
  if (input.is_number()) return Value(input.number());
  if (!input.is_string()) return otherwise;
  machine.budget.step(input.text().size() / 16 + 1);
  const std::optional<double> value = parsed_float(input.text());
  return value ? Value(*value) : otherwise;
}

Value absolute(Machine&, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("abs", arguments, {});
  if (input.is(Value::Kind::kFloat)) return Value(std::abs(input.number()));
  if (!input.is_integer()) {
    throw Fault(FaultKind::kType,
                "takes the absolute value of a '" + input.type_name() + "', which is no number");
  }
  if (input.integer() == INT64_MIN) throw Fault(FaultKind::kUnsupported, "makes an integer beyond 64 bits");
  return Value(std::abs(input.integer()));
}

// To so many decimals, halves of the exact value to even, as Python rounds.
double rounded(double number, int64_t decimals) {
  if (!std::isfinite(number)) return number;
  char text[800];
  const int count =
      std::snprintf(text, sizeof text, "%.*f", static_cast<int>(std::min<int64_t>(decimals, 330)), number);
  return count < static_cast<int>(sizeof text) ? std::strtod(text, nullptr) : number;
}

Value round(Machine&, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("round", arguments, {"precision", "method"});
  const std::string method = bound.text(1).value_or("common");
  const int64_t precision = bound.integer(0, 0);
  if (method != "common" && method != "ceil" && method != "floor") {
    throw Fault(FaultKind::kType, "rounds by the method '" + method + "'; it can be common, ceil or floor");
  }
  if (input.is_undefined()) input.fail_undefined();
  if (!input.is_number())
    throw Fault(FaultKind::kType, "rounds a '" + input.type_name() + "', which is no number");
  if (precision < 0 || precision > 300) {
    throw Fault(FaultKind::kUnsupported,
                "rounds to " + std::to_string(precision) + " decimals; 0 to 300 are supported");
  }
  if (method == "common") {
    return input.is_integer() ? Value(input.integer()) : Value(rounded(input.number(), precision));
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = input.number() * scale;
  if (!std::isfinite(scaled)) throw Fault(FaultKind::kType, "rounds a number that is not finite");
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

}  // namespace

std::vector<FilterEntry> number_filters() {
  return {{"abs", absolute}, {"float", to_float}, {"int", to_integer}, {"round", round}};
}

}  // namespace reel::models::jinja
