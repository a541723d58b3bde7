// What a value that a user gives must be. The command line, configuration files, job lists and graphs read by these
// rules, and refuse in the same words.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "attention/plugin/spec.h"

namespace reel {

enum class ValueType { kText, kTexts, kFlag, kInteger, kNumber, kSeed };

struct ValueRule {
  ValueType type = ValueType::kText;
  std::optional<Range> range = std::nullopt;  // of integers and numbers
  std::vector<std::string> choices = {};      // legal texts; empty: any
  std::string way_out = {};  // what to do about a value that is refused; empty: where to read more
  /// Whether an empty text is a value. To most options it would say nothing, and is a mistake: an unset variable.
  bool may_be_empty = false;
};

/// A value with the type that it was written with.
using GivenValue = std::variant<bool, int64_t, uint64_t, double, std::string>;

/// The whole text as a decimal integer or number: no spaces, no plus sign, no leading zeros, nothing behind it. Numbers
/// are finite.
std::optional<int64_t> read_integer(std::string_view text);
std::optional<uint64_t> read_unsigned(std::string_view text);
std::optional<double> read_number(std::string_view text);

/// The value in the type of the rule (int64_t, double, uint64_t for a seed), within its range and choices. Nothing is
/// converted but integers where a number is wanted. kTexts: one of the texts.
std::optional<GivenValue> fit_value(const ValueRule& rule, const GivenValue& value);

/// The same for a value that is written as text, as on a command line.
std::optional<GivenValue> read_value(const ValueRule& rule, std::string_view text);

/// What a value must be, to follow "must be": `an integer from 1 to 4096`, `linear or hold`, `true or false`.
std::string expected_value(const ValueRule& rule);

/// A value that is refused: "[place] 'name' must be ..., got ...; way out".
class BadValue : public std::invalid_argument {
 public:
  /// `got`: the value as the user wrote it. `more`: the way out if the rule has none.
  BadValue(const std::string& place, const std::string& name, const ValueRule& rule, const std::string& got,
           const std::string& more);
  BadValue(const std::string& place, const std::string& name, const std::string& fault);
  /// From "must be" on, for whoever knows a better place and name.
  const std::string& fault() const { return fault_; }

 private:
  std::string fault_;
};

}  // namespace reel
