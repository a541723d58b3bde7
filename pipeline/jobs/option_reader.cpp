#include "pipeline/jobs/option_reader.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/files/strict_json.h"
#include "pipeline/jobs/option_table.h"

namespace reel::pipeline {
namespace {

using nlohmann::json;

/// Puts a value that fits its rule into the member of an option.
struct Assign {
  const GivenValue& value;
  GenerateOptions& options;

  void operator()(std::string GenerateOptions::*member) const { options.*member = as<std::string>(); }
  void operator()(bool GenerateOptions::*member) const { options.*member = as<bool>(); }
  void operator()(int64_t GenerateOptions::*member) const { options.*member = as<int64_t>(); }
  void operator()(std::optional<int64_t> GenerateOptions::*member) const { options.*member = as<int64_t>(); }
  void operator()(std::optional<double> GenerateOptions::*member) const { options.*member = as<double>(); }
  void operator()(std::optional<uint64_t> GenerateOptions::*member) const {
    options.*member = as<uint64_t>();
  }
  void operator()(std::vector<std::string> GenerateOptions::*member) const {
    options.*member = {as<std::string>()};
  }

 private:
  template <class T>
  const T& as() const {
    return std::get<T>(value);
  }
};

std::optional<GivenValue> scalar_of(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) return value.get<double>();
  return std::nullopt;
}

/// Says no if the value is not what the option expects.
bool read_value(const JobOption& option, const json& value, GenerateOptions& options) {
  const ValueRule rule = rule_of(option);
  if (const auto* list = std::get_if<std::vector<std::string> GenerateOptions::*>(&option.member);
      list && value.is_array()) {
    if (!std::ranges::all_of(value, [](const json& entry) { return entry.is_string(); })) return false;
    options.*(*list) = value.get<std::vector<std::string>>();
    return true;
  }
  const auto scalar = scalar_of(value);
  const auto fitted = scalar ? fit_value(rule, *scalar) : std::nullopt;
  if (fitted) std::visit(Assign{*fitted, options}, option.member);
  return fitted.has_value();
}

/// A value as the user wrote it, cut short if it is long.
std::string shown_value(const json& value) {
  constexpr size_t kMostShown = 60;
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= kMostShown ? text : text.substr(0, kMostShown) + "...";
}

/// One object a line: small.
constexpr models::JsonLimits kLimits{.depth = 8, .keys = 1000, .values = 100'000};

[[noreturn]] void refuse_json(const std::string& place, const models::JsonFault& fault) {
  using Kind = models::JsonFault::Kind;
  std::string message = "must be a text or a JSON object of options: ";
  if (fault.kind == Kind::kSyntax) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    if (!fault.key.empty()) message += "at '" + models::shown(fault.key) + "', ";
    message += models::shown(fault.detail.substr(fault.detail.find("] ") + 2), 300);
  } else if (fault.kind == Kind::kDuplicateKey) {
    message = "has '" + models::shown(fault.detail) + "' twice; keep one of them";
  } else {
    message += "at most 1,000 keys and 8 levels, got more";
  }
  throw std::invalid_argument("[" + place + "] " + message);
}

/// The nearest spelling of an option, in the user's way of writing names.
std::string near_option(const std::string& key) {
  std::vector<std::string> names;
  for (const JobOption& option : job_options()) {
    names.push_back(option.name);
    for (const std::string& alias : option.aliases) {
      if (alias.size() > 1) names.push_back(alias);
    }
  }
  std::string dashed = key;
  std::ranges::replace(dashed, '_', '-');
  std::string near = nearest_name(dashed, names);
  if (key.find('_') != std::string::npos) std::ranges::replace(near, '-', '_');
  return near;
}

}  // namespace

void read_options(const std::string& place, const std::string& text, GenerateOptions& options) {
  const auto document = models::parse_strict<json>(
      text, kLimits, [&](const models::JsonFault& fault) { refuse_json(place, fault); });
  if (!document.is_object()) {
    throw std::invalid_argument("[" + place + "] must be a JSON object of options, got " +
                                shown_value(document) + "; for example {\"prompt\": \"a fox\", \"seed\": 3}");
  }
  std::map<const JobOption*, std::string> seen;
  for (const auto& [key, value] : document.items()) {
    const JobOption* option = find_job_option(key);
    if (!option) {
      const std::string near = near_option(key);
      throw std::invalid_argument(
          "[" + place + "] the option '" + models::shown(key) + "' is not known; " +
          (near.empty() ? "use the names of reel generate --help" : "did you mean '" + near + "'?"));
    }
    if (const auto [first, added] = seen.emplace(option, key); !added) {
      throw std::invalid_argument("[" + place + "] '" + first->second + "' and '" + key +
                                  "' are one option; keep one of them");
    }
    if (option->in_lists == InLists::kNo) {
      throw std::invalid_argument("[" + place + "] '" + key +
                                  "' replaces files, which a list may not ask for; give --" + option->name +
                                  " on the command line");
    }
    if (!read_value(*option, value, options))
      throw BadValue(place, models::shown(key), rule_of(*option), shown_value(value),
                     "see reel generate --help");
  }
}

}  // namespace reel::pipeline
