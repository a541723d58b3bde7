#include "app/session/options/value_option.h"

#include "models/files/strict_json.h"

namespace reel::app {
namespace {

/// A value as the user typed it: quoted if it would not be seen otherwise.
std::string shown_word(const std::string& word) {
  const std::string shown = models::shown(word, 63);
  return shown.empty() || shown.find(' ') != std::string::npos ? "'" + shown + "'" : shown;
}

constexpr const char* kMayBeEmpty = "may be empty";  // the name of a check that refuses nothing

bool has_check(const CLI::Option& option, const char* name) {
  try {
    return const_cast<CLI::Option&>(option).get_validator(name) != nullptr;
  } catch (const CLI::OptionNotFound&) {
    return false;
  }
}

std::string type_label(const ValueRule& rule) {
  std::string label = rule.type == ValueType::kSeed      ? "SEED"
                      : rule.type == ValueType::kInteger ? "INT"
                      : rule.type == ValueType::kNumber  ? "NUMBER"
                                                         : "TEXT";
  if (!rule.choices.empty()) {
    label = "";
    for (const std::string& choice : rule.choices) label += (label.empty() ? "" : "|") + choice;
  }
  if (rule.range) label += " (" + to_text(rule.range->low) + " to " + to_text(rule.range->high) + ")";
  return label;
}

}  // namespace

std::string command_of(const CLI::App& verb) {
  return verb.get_parent() ? command_of(*verb.get_parent()) + " " + verb.get_name() : "reel";
}

CLI::Option* declare_value(CLI::App& verb, const std::string& names, const std::string& help,
                           const ValueRule& rule, std::function<void(const GivenValue&)> set,
                           std::function<std::string()> show) {
  const auto name = std::make_shared<std::string>();
  const auto read = [&verb, name, rule, set = std::move(set)](const CLI::results_t& words) {
    const auto value = read_value(rule, words.back());
    if (!value) {
      throw BadValue("command line", *name, rule, shown_word(words.back()),
                     "see " + command_of(verb) + " --help");
    }
    set(*value);
    return true;
  };
  const bool shown = read_value(rule, show()).has_value() && !show().empty();
  CLI::Option* option = verb.add_option(names, CLI::callback_t(read), help, shown, std::move(show));
  *name = option->get_name();
  option->type_name(type_label(rule));
  return option;
}

CLI::Option* add_switch(CLI::App& verb, const std::string& names, bool& target, const std::string& help) {
  const auto set = [&target](const GivenValue& value) { target = std::get<bool>(value); };
  CLI::Option* option =
      declare_value(verb, names, help, {ValueType::kFlag}, set, [] { return std::string(); });
  option->default_function([&target] { return std::string(target ? "true" : "false"); });
  return option->type_name("")->expected(0)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

CLI::Option* add_texts(CLI::App& verb, const std::string& names, std::vector<std::string>& target,
                       const std::string& help) {
  // Without extra words: the next word is a prompt, or the next option; and brackets are part of the text.
  return verb.add_option(names, target, help)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

ValueType type_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return ValueType::kFlag;
  const std::string label = option.get_type_name();
  if (label.starts_with("INT")) return ValueType::kInteger;
  if (label.starts_with("NUMBER")) return ValueType::kNumber;
  return label == "SEED" ? ValueType::kSeed : ValueType::kText;
}

CLI::Option* may_be_empty(CLI::Option* option) {
  return option->check([](const std::string&) { return std::string(); }, "", kMayBeEmpty);
}

void refuse_empty_texts(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    // Options with choices, numbers and switches have readers that refuse it.
    const bool open =
        type_of(*option) == ValueType::kText && option->get_type_name().find('|') == std::string::npos;
    if (!open || has_check(*option, kMayBeEmpty)) continue;
    option->check([&app, name = option->get_name()](const std::string& word) {
      if (word.empty())
        throw BadValue("command line", name, {}, "''",
                       "leave it out, or give it a value; see " + command_of(app) + " --help");
      return std::string();
    });
  }
  for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; })) refuse_empty_texts(*verb);
}

}  // namespace reel::app
