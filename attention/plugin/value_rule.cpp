#include "attention/plugin/value_rule.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace reel {
namespace {

/// `010` is eight to some programs and ten to others.
bool has_leading_zero(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

template <class T>
std::optional<T> read_plain(std::string_view text) {
  T number{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || has_leading_zero(text)) return std::nullopt;
  return number;
}

bool in_range(const ValueRule& rule, double number) {
  return !rule.range || (number >= rule.range->low && number <= rule.range->high);
}

std::optional<GivenValue> fit_integer(const ValueRule& rule, const GivenValue& value) {
  std::optional<int64_t> integer;
  if (const auto* given = std::get_if<int64_t>(&value)) integer = *given;
  if (const auto* given = std::get_if<uint64_t>(&value); given && *given <= uint64_t{INT64_MAX})
    integer = static_cast<int64_t>(*given);
  if (!integer || !in_range(rule, static_cast<double>(*integer))) return std::nullopt;
  return *integer;
}

std::optional<GivenValue> fit_number(const ValueRule& rule, const GivenValue& value) {
  std::optional<double> number;
  if (const auto* given = std::get_if<double>(&value)) number = *given;
  if (const auto* given = std::get_if<int64_t>(&value)) number = static_cast<double>(*given);
  if (const auto* given = std::get_if<uint64_t>(&value)) number = static_cast<double>(*given);
  if (!number || !std::isfinite(*number) || !in_range(rule, *number)) return std::nullopt;
  return *number;
}

std::optional<GivenValue> fit_seed(const GivenValue& value) {
  if (const auto* given = std::get_if<int64_t>(&value); given && *given >= 0)
    return static_cast<uint64_t>(*given);
  if (const auto* given = std::get_if<uint64_t>(&value)) return *given;
  return std::nullopt;
}

std::string joined(const std::vector<std::string>& choices) {
  std::string text;
  for (size_t i = 0; i < choices.size(); ++i)
    text += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + choices[i];
  return text;
}

std::string type_in_words(ValueType type) {
  switch (type) {
    case ValueType::kText:
      return "a text";
    case ValueType::kTexts:
      return "a text or a list of texts";
    case ValueType::kFlag:
      return "true or false";
    case ValueType::kInteger:
      return "an integer";
    case ValueType::kNumber:
      return "a number";
    case ValueType::kSeed:
      return "an integer from 0 to 2^64-1";
  }
  return "";
}

/// A text that may be anything but empty.
bool is_open_text(const ValueRule& rule) {
  const bool text = rule.type == ValueType::kText || rule.type == ValueType::kTexts;
  return text && rule.choices.empty() && !rule.may_be_empty;
}

std::string fault_of(const ValueRule& rule, const std::string& got, const std::string& more) {
  const std::string near = nearest_name(got, rule.choices);
  const std::string hint = !rule.way_out.empty() ? rule.way_out
                           : !near.empty()       ? "did you mean '" + near + "'?"
                                                 : more;
  const bool empty = got.empty() || got == "''" || got == "\"\"";
  return "must be " + expected_value(rule) + (is_open_text(rule) && empty ? " that is not empty" : "") +
         ", got " + got + "; " + hint;
}

}  // namespace

std::optional<int64_t> read_integer(std::string_view text) { return read_plain<int64_t>(text); }
std::optional<uint64_t> read_unsigned(std::string_view text) { return read_plain<uint64_t>(text); }
std::optional<double> read_number(std::string_view text) {
  const auto number = read_plain<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<GivenValue> fit_value(const ValueRule& rule, const GivenValue& value) {
  switch (rule.type) {
    case ValueType::kFlag:
      return std::holds_alternative<bool>(value) ? std::optional(value) : std::nullopt;
    case ValueType::kInteger:
      return fit_integer(rule, value);
    case ValueType::kNumber:
      return fit_number(rule, value);
    case ValueType::kSeed:
      return fit_seed(value);
    case ValueType::kText:
    case ValueType::kTexts:
      break;
  }
  const auto* text = std::get_if<std::string>(&value);
  if (!text || (text->empty() && is_open_text(rule))) return std::nullopt;
  if (!rule.choices.empty() && std::ranges::find(rule.choices, *text) == rule.choices.end())
    return std::nullopt;
  return value;
}

std::optional<GivenValue> read_value(const ValueRule& rule, std::string_view text) {
  const auto fitted = [&](const auto& value) -> std::optional<GivenValue> {
    return value ? fit_value(rule, *value) : std::nullopt;
  };
  switch (rule.type) {
    case ValueType::kFlag:
      if (text == "true") return true;
      if (text == "false") return false;
      return std::nullopt;
    case ValueType::kInteger:
      return fitted(read_integer(text));
    case ValueType::kNumber:
      return fitted(read_number(text));
    case ValueType::kSeed:
      return fitted(read_unsigned(text));
    case ValueType::kText:
    case ValueType::kTexts:
      break;
  }
  return fit_value(rule, std::string(text));
}

std::string expected_value(const ValueRule& rule) {
  if (!rule.choices.empty()) return joined(rule.choices);
  const std::string type = type_in_words(rule.type);
  if (!rule.range) return type;
  return type + " from " + to_text(rule.range->low) + " to " + to_text(rule.range->high);
}

BadValue::BadValue(const std::string& place, const std::string& name, const ValueRule& rule,
                   const std::string& got, const std::string& more)
    : BadValue(place, name, fault_of(rule, got, more)) {}

BadValue::BadValue(const std::string& place, const std::string& name, const std::string& fault)
    : std::invalid_argument("[" + place + "] '" + name + "' " + fault), fault_(fault) {}

}  // namespace reel
