#include "app/session/options/config_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "app/session/options/value_option.h"
#include "models/files/strict_json.h"
#include "models/files/utf8.h"

namespace reel::app {
namespace {

constexpr std::streamsize kMostBytes = 1 << 20;

/// One key of the file.
struct Entry {
  std::string key;
  const toml::node* value;
};

std::string dashed(std::string name) {
  std::ranges::replace(name, '_', '-');
  return name;
}

/// --help and --config are no options of a file.
bool not_in_files(const CLI::Option& option) {
  return option.check_name("--help") || option.check_name("--config");
}

/// All names that the file may use for the options of a verb.
std::vector<std::string> names_of(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    if (not_in_files(*option)) continue;
    for (const std::string& name : option->get_lnames()) names.push_back(name);
    for (const std::string& name : option->get_snames()) names.push_back(name);
    if (option->get_positional()) names.push_back(option->get_name(true));
  }
  return names;
}

CLI::Option* find_option(CLI::App& verb, const std::string& key) {
  for (CLI::Option* option : verb.get_options()) {
    if (not_in_files(*option)) continue;
    const auto has = [&](const std::vector<std::string>& names) {
      return std::ranges::find(names, dashed(key)) != names.end();
    };
    if (has(option->get_lnames()) || has(option->get_snames()) ||
        (option->get_positional() && option->get_name(true) == dashed(key)))
      return option;
  }
  return nullptr;
}

std::vector<CLI::App*> verbs_below(CLI::App& verb) {
  return verb.get_subcommands([](CLI::App*) { return true; });
}

CLI::App* find_verb(CLI::App& above, const std::string& name) {
  for (CLI::App* verb : verbs_below(above)) {
    if (verb->get_name() == name) return verb;
  }
  return nullptr;
}

/// The verb of `above` or below it that has such an option. What the program itself takes (--version) is no verb's.
CLI::App* owner_of(CLI::App& above, const std::string& key) {
  if (above.get_parent() && find_option(above, key)) return &above;
  for (CLI::App* verb : verbs_below(above)) {
    if (CLI::App* owner = owner_of(*verb, key)) return owner;
  }
  return nullptr;
}

/// `generate`, `graph.run`: as tables are named.
std::string table_of(const CLI::App& verb) {
  const CLI::App* above = verb.get_parent();
  return above && above->get_parent() ? table_of(*above) + "." + verb.get_name() : verb.get_name();
}

/// The number or word as the file would write it.
std::string shown_value(const toml::node& node) {
  if (const auto* value = node.as_string()) return "\"" + models::shown(value->get()) + "\"";
  if (const auto* value = node.as_integer()) return std::to_string(value->get());
  if (const auto* value = node.as_floating_point()) {
    const std::string text = to_text(value->get());
    return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
  }
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  if (node.is_array()) return "a list";
  return node.is_table() ? "a table" : "a date or time";
}

/// Reads a file for one verb.
class ConfigFile {
 public:
  ConfigFile(CLI::App& verb, std::string file) : verb_(verb), file_(std::move(file)) {
    for (CLI::App* step = &verb; step->get_parent(); step = step->get_parent())
      path_.insert(path_.begin(), step);
    root_ = path_.empty() ? &verb : path_.front()->get_parent();
  }

  void apply() {
    const toml::table document = parse();
    collect(document, *root_, 0);
    std::vector<std::pair<CLI::Option*, Entry>> given(chosen_.begin(), chosen_.end());
    // In the order of the file, so that of several faults the first is named.
    std::ranges::sort(given, {}, [](const auto& one) { return one.second.value->source().begin.line; });
    for (const auto& [option, entry] : given) {
      if (option->count() == 0) give(*option, entry);  // else the command line has it
    }
  }

 private:
  std::string place(const toml::node& node) const {
    return file_ + ", line " + std::to_string(node.source().begin.line);
  }
  [[noreturn]] void refuse(const std::string& place, const std::string& message) const {
    throw std::invalid_argument("[" + place + "] " + message);
  }

  toml::table parse() const {
    std::error_code ignored;
    if (!std::filesystem::exists(file_, ignored))
      refuse("--config", "the file '" + models::shown(file_) + "' does not exist; check the path");
    if (!std::filesystem::is_regular_file(file_, ignored))
      refuse("--config", "'" + models::shown(file_) + "' must be a file, and is none; name a TOML file");
    std::ifstream stream(file_, std::ios::binary);
    std::string text(kMostBytes + 1, '\0');
    stream.read(text.data(), kMostBytes + 1);
    text.resize(static_cast<size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
    if (!stream.is_open() || stream.bad())
      refuse("--config", "'" + models::shown(file_) + "' cannot be read; check its permissions");
    if (text.size() > kMostBytes)
      refuse("--config", "'" + models::shown(file_) + "' must have at most 1 MiB; is it the right file?");
    try {
      return toml::parse(models::without_bom(text), file_);
    } catch (const toml::parse_error& error) {
      const std::string fault(error.description());
      // toml++: "... is not representable in 64 bits". The only such values that an option takes are seeds.
      const bool large = fault.find("64 bits") != std::string::npos;
      refuse(file_ + ", line " + std::to_string(error.source().begin.line),
             "must be TOML: " + models::shown(fault, 200) +
                 (large ? "; write a seed above 2^63-1 in quotes: seed = \"18446744073709551615\""
                        : "; for example: steps = 20"));
    }
  }

  /// The keys of a table on the way to the verb: level 0 is the whole file.
  void collect(const toml::table& table, CLI::App& above, size_t level) {
    std::map<CLI::Option*, Entry> here;
    const toml::table* next = nullptr;
    for (const auto& [name, node] : table) {
      const std::string key(name.str());
      const bool is_verb =
          find_verb(above, key) || !find_option(verb_, key);  // `eval world` has --world, too
      if (const toml::table* inner = node.as_table(); inner && is_verb) {
        CLI::App& other = verb_of_table(key, node, above);
        if (level < path_.size() && &other == path_[level])
          next = inner;
        else
          check_names(*inner, other);
        continue;
      }
      CLI::Option* option = find_option(verb_, key);
      if (!option) refuse_key(key, node, verb_);
      if (const auto [first, added] = here.emplace(option, Entry{key, &node}); !added)
        refuse(place(node), "'" + key + "' and '" + first->second.key + "' are one option; keep one of them");
    }
    for (auto& [option, entry] : here) chosen_[option] = std::move(entry);
    if (next) collect(*next, *path_[level], level + 1);
  }

  CLI::App& verb_of_table(const std::string& key, const toml::node& node, CLI::App& above) const {
    if (CLI::App* verb = find_verb(above, key)) return *verb;
    std::vector<std::string> names;
    for (CLI::App* verb : verbs_below(above)) names.push_back(verb->get_name());
    const std::string near = nearest_name(key, names);
    refuse(place(node),
           "the table [" + models::shown(key) + "] is not a verb of '" + command_of(above) + "'; " +
               (near.empty() ? "see " + command_of(above) + " --help" : "did you mean [" + near + "]?"));
  }

  /// The table of a verb that does not run now: its values are its own business, its names are looked at.
  void check_names(const toml::table& table, CLI::App& verb) const {
    for (const auto& [name, node] : table) {
      const std::string key(name.str());
      if (const toml::table* inner = node.as_table())
        check_names(*inner, verb_of_table(key, node, verb));
      else if (!owner_of(verb, key))
        refuse_key(key, node, verb);
    }
  }

  [[noreturn]] void refuse_key(const std::string& key, const toml::node& node, CLI::App& verb) const {
    const std::string shown = "'" + models::shown(key) + "'";
    if (dashed(key) == "config")
      refuse(place(node), shown + " names a file on the command line only; leave it out");
    if (dashed(key) == "version")
      refuse(place(node), shown + " counts on the command line only: reel --version; leave it out");
    const std::string near = nearest_name(dashed(key), names_of(verb));
    const std::string message = shown + " is no option of '" + command_of(verb) + "'; ";
    CLI::App* owner = owner_of(*root_, key);
    if (owner && &verb == &verb_)
      refuse(place(node), message + "it is one of '" + command_of(*owner) + "': put it into a table [" +
                              table_of(*owner) + "]");
    refuse(place(node),
           message + (near.empty() ? "see " + command_of(verb) + " --help" : "did you mean '" + near + "'?"));
  }

  /// The value as the command line would have it.
  std::string text_of(const CLI::Option& option, const Entry& entry, const toml::node& node) const {
    const ValueType type = type_of(option);
    if (const auto* text = node.as_string(); text && type == ValueType::kText) return text->get();
    // TOML's integers end at 2^63-1, seeds do not.
    if (const auto* text = node.as_string();
        text && type == ValueType::kSeed && read_unsigned(text->get()).value_or(0) > uint64_t{INT64_MAX})
      return text->get();
    // The option's own reader refuses, in its words, a fraction for an integer and texts for numbers, which have quotes.
    const bool reads = type != ValueType::kText || option.get_type_name().find('|') != std::string::npos;
    if (reads) return shown_value(node);
    const bool list = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    const ValueRule rule{list ? ValueType::kTexts : ValueType::kText};
    throw BadValue(place(node), models::shown(entry.key), rule, shown_value(node),
                   "see " + command_of(verb_) + " --help");
  }

  void give(CLI::Option& option, const Entry& entry) const {
    const bool list = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll ||
                      option.get_items_expected_max() > 1;
    std::vector<std::string> words;
    if (const toml::array* all = entry.value->as_array(); all && list) {
      for (const toml::node& one : *all) words.push_back(text_of(option, entry, one));
    } else {
      words.push_back(text_of(option, entry, *entry.value));
    }
    if (words.empty()) return;
    for (const std::string& word : words) option.add_result(word);
    try {
      option.run_callback();
    } catch (const BadValue& error) {
      throw BadValue(place(*entry.value), models::shown(entry.key), error.fault());
    } catch (const CLI::ParseError& error) {
      refuse(place(*entry.value), std::string(error.what()));
    }
  }

  CLI::App& verb_;
  std::string file_;
  std::vector<CLI::App*> path_;  // of the verb, from below the program on
  CLI::App* root_;
  std::map<CLI::Option*, Entry> chosen_;
};

}  // namespace

CLI::Option* add_config_option(CLI::App& verb) {
  const auto apply = [&verb](const CLI::results_t& words) {
    // An option that has a value keeps it: the last file comes first.
    for (auto file = words.rbegin(); file != words.rend(); ++file) ConfigFile(verb, *file).apply();
    return true;
  };
  return verb
      .add_option(
          "--config", CLI::callback_t(apply),
          "TOML file with the same names as the options, at the top or in a table of the verb's name; the "
          "command line wins, and of several files the later one (repeatable)")
      ->type_name("FILE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace reel::app
