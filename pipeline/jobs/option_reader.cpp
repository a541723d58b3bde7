#include "pipeline/jobs/option_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "pipeline/jobs/option_table.h"

namespace reel::pipeline {
namespace {

using nlohmann::json;

/// Reads one value into the member of an option; says no if the value is not what the option expects.
class OptionValue {
 public:
  OptionValue(const JobOption& option, const json& value, GenerateOptions& options)
      : option_(option), value_(value), options_(options) {}

  bool operator()(std::string GenerateOptions::*member) const {
    if (!value_.is_string()) return false;
    std::string text = value_.get<std::string>();
    if (!option_.choices.empty() && std::ranges::find(option_.choices, text) == option_.choices.end())
      return false;
    options_.*member = std::move(text);
    return true;
  }
  bool operator()(std::vector<std::string> GenerateOptions::*member) const {
    const json list = value_.is_array() ? value_ : json::array({value_});
    if (!std::ranges::all_of(list, [](const json& entry) { return entry.is_string(); })) return false;
    options_.*member = list.get<std::vector<std::string>>();
    return true;
  }
  bool operator()(bool GenerateOptions::*member) const {
    if (!value_.is_boolean()) return false;
    options_.*member = value_.get<bool>();
    return true;
  }
  bool operator()(int64_t GenerateOptions::*member) const { return read_integer(options_.*member); }
  bool operator()(std::optional<int64_t> GenerateOptions::*member) const {
    return read_integer(options_.*member);
  }
  bool operator()(std::optional<double> GenerateOptions::*member) const {
    if (!value_.is_number() || !in_range(value_.get<double>())) return false;
    options_.*member = value_.get<double>();
    return true;
  }
  bool operator()(std::optional<uint64_t> GenerateOptions::*member) const {
    // JSON's reader takes integers from 0 to 2^64-1 as unsigned, and what exceeds 64 bits as a fraction.
    if (!value_.is_number_unsigned()) return false;
    options_.*member = value_.get<uint64_t>();
    return true;
  }

 private:
  template <class Integer>
  bool read_integer(Integer& member) const {
    if (!value_.is_number_integer() || !in_range(value_.get<double>())) return false;
    if (value_.is_number_unsigned() && value_.get<uint64_t>() > uint64_t{INT64_MAX}) return false;
    member = value_.get<int64_t>();
    return true;
  }
  bool in_range(double number) const {
    return !option_.range || (number >= option_.range->low && number <= option_.range->high);
  }

  const JobOption& option_;
  const json& value_;
  GenerateOptions& options_;
};

/// A value as the user wrote it, cut short if it is long.
std::string shown_value(const json& value) {
  constexpr size_t kMostShown = 60;
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= kMostShown ? text : text.substr(0, kMostShown) + "...";
}

}  // namespace

void read_options(const std::string& place, const std::string& text, GenerateOptions& options) {
  json document;
  try {
    document = json::parse(text);
  } catch (const json::exception& error) {
    throw std::invalid_argument("[" + place +
                                "] must be a text or a JSON object of options: " + error.what());
  }
  if (!document.is_object()) {
    throw std::invalid_argument("[" + place + "] must be a JSON object of options, got " +
                                shown_value(document) + "; for example {\"prompt\": \"a fox\", \"seed\": 3}");
  }
  for (const auto& [key, value] : document.items()) {
    const JobOption* option = find_job_option(key);
    if (!option) {
      throw std::invalid_argument("[" + place + "] the option '" + key +
                                  "' is not known; use the names of reel generate --help");
    }
    if (option->in_lists == InLists::kNo) {
      throw std::invalid_argument("[" + place + "] '" + key +
                                  "' replaces files, which a list may not ask for; give --" + option->name +
                                  " on the command line");
    }
    if (!std::visit(OptionValue(*option, value, options), option->member)) {
      throw std::invalid_argument("[" + place + "] '" + key + "' must be " + expected_value(*option) +
                                  ", got " + shown_value(value) + "; see reel generate --help");
    }
  }
}

}  // namespace reel::pipeline
