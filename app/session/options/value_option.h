// Options whose values are read by the strict rules of attention/plugin/value_rule.h, not by CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "attention/plugin/value_rule.h"

namespace reel::app {

/// Declares an option. `set` gets the value, in the type of the rule; `show` gives the current one as text, empty if
/// there is none. A refused value is a BadValue that names the option.
CLI::Option* declare_value(CLI::App& verb, const std::string& names, const std::string& help,
                           const ValueRule& rule, std::function<void(const GivenValue&)> set,
                           std::function<std::string()> show);

/// The rule's type of a declared option; kFlag and kText for those that CLI11 declared itself.
ValueType type_of(const CLI::Option& option);

/// As a user types the verb: `reel graph run`.
std::string command_of(const CLI::App& verb);

/// Sets `target`, which may be optional: an integer, a number, or a text with choices. The type of the rule follows from
/// `target`, unless it is kSeed. `target` must outlive the verb. A default that the rule takes is shown in the help.
template <class T>
CLI::Option* add_value(CLI::App& verb, const std::string& names, T& target, const std::string& help,
                       ValueRule rule = {}) {
  using Given = std::conditional_t<std::is_integral_v<T>, int64_t,
                                   std::conditional_t<std::is_floating_point_v<T>, double, std::string>>;
  if (rule.type != ValueType::kSeed) {
    rule.type = std::is_integral_v<T>         ? ValueType::kInteger
                : std::is_floating_point_v<T> ? ValueType::kNumber
                                              : ValueType::kText;
  }
  const auto set = [&target](const GivenValue& value) { target = static_cast<T>(std::get<Given>(value)); };
  return declare_value(verb, names, help, rule, set, [&target] { return to_text(Given(target)); });
}

template <class T>
CLI::Option* add_value(CLI::App& verb, const std::string& names, std::optional<T>& target,
                       const std::string& help, ValueRule rule = {}) {
  if (rule.type != ValueType::kSeed)
    rule.type = std::is_integral_v<T> ? ValueType::kInteger : ValueType::kNumber;
  const auto set = [&target](const GivenValue& value) { target = std::get<T>(value); };
  return declare_value(verb, names, help, rule, set, [&target]() -> std::string {
    if (!target) return "";
    if constexpr (std::is_same_v<T, uint64_t>)
      return std::to_string(*target);
    else
      return to_text(ParamValue(*target));
  });
}

/// A switch: absent or there. Written with a value (--json=false) it takes true and false.
CLI::Option* add_switch(CLI::App& verb, const std::string& names, bool& target, const std::string& help);

/// An option that may be repeated, one text each time.
CLI::Option* add_texts(CLI::App& verb, const std::string& names, std::vector<std::string>& target,
                       const std::string& help);

/// Lets an option take an empty text, which refuse_empty_texts() refuses to all others. Returns `option`.
CLI::Option* may_be_empty(CLI::Option* option);

/// An empty text is a mistake, such as an unset variable of a script, and would pass for an option that was not given:
/// all options and words of `app` and of the verbs below it refuse it, on the command line and in files, but those of
/// may_be_empty().
void refuse_empty_texts(CLI::App& app);

}  // namespace reel::app
