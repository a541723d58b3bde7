// What makes edits, nodes and schedulers selectable by name: their options as data, and a registry of them.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace reel {

/// A value that a user can type: on a command line, in a graph or in a preset.
using ParamValue = std::variant<bool, int64_t, double, std::string>;
using ParamValues = std::map<std::string, ParamValue>;

/// Inclusive bounds of a number.
struct Range {
  double low, high;
};

/// One option: its name, meaning, default (whose type is the option's type) and legal values.
struct Param {
  std::string name, help;
  ParamValue default_value;
  std::optional<Range> range = std::nullopt;
  std::vector<std::string> choices = {};     // legal strings; empty: any
  std::map<std::string, double> words = {};  // names of special numbers, as in sigma1=off
  bool writes = false;                       // names a file that is written
};

/// What a plug-in says of itself; help texts, `--edit` options and graph sockets are all made from it.
struct Spec {
  std::string name, summary, source;  // source: paper or program that the behaviour follows
  std::vector<Param> params = {};
  std::map<std::string, ParamValues> presets = {};
};

/// The text of a value, as parse_param reads it: `true`, `3`, `0.5`, `nearest`.
std::string to_text(const ParamValue& value);

/// The JSON-free name of a value's type: bool, int, float or text.
std::string type_name(const ParamValue& value);

/// Reads one option from text, checked against its type, range and choices.
/// Throws: std::invalid_argument "[place] 'name' must ..., got ...; ...".
ParamValue parse_param(const std::string& place, const Param& param, std::string_view text);

/// Converts (int to float only) and checks one typed option.
/// Throws: std::invalid_argument as parse_param does.
ParamValue check_param(const std::string& place, const Param& param, const ParamValue& value);

/// Reads `name=value,name=value`; `preset=NAME` fills in that preset first, whatever its position.
/// Returns one value for every option of the spec: preset, then defaults for what is left out.
/// Throws: std::invalid_argument for an unknown name (with the nearest known one), a repeated one, a bad
/// value.
ParamValues parse_options(const Spec& spec, std::string_view text);

/// Defaults of `spec`, overridden by `given`, all checked.
ParamValues complete_options(const Spec& spec, const ParamValues& given);

/// The candidate nearest to `name` in edit distance, or "" when none is near enough to be meant.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

/// Named entries in registration order. `Entry` has a member `spec` of type Spec. A registry is a value that
/// is passed in: a test fills its own with stubs.
template <class Entry>
class Registry {
 public:
  /// Throws: std::invalid_argument if the name is taken.
  Entry& add(Entry entry) {
    if (find(entry.spec.name)) throw std::invalid_argument("'" + entry.spec.name + "' is registered twice");
    entries_.push_back(std::move(entry));
    return entries_.back();
  }
  void alias(std::string other_name, std::string name) { aliases_[std::move(other_name)] = std::move(name); }

  /// The entry of that name or alias; nullptr if there is none.
  const Entry* find(std::string_view name) const {
    const auto other = aliases_.find(name);
    for (const Entry& entry : entries_) {
      if (entry.spec.name == (other == aliases_.end() ? name : std::string_view(other->second)))
        return &entry;
    }
    return nullptr;
  }

  /// Throws: std::invalid_argument "[kind] ... is unknown; did you mean ...", `kind` being e.g. "edit".
  const Entry& get(std::string_view kind, std::string_view name) const {
    if (const Entry* entry = find(name)) return *entry;
    const std::string near = nearest_name(name, names());
    std::string message = "[" + std::string(kind) + "] '" + std::string(name) + "' is not known; ";
    if (!near.empty()) {
      message += "did you mean '" + near + "'?";
    } else {
      message += "known:";
      for (const std::string& known : names()) message += " " + known;
    }
    throw std::invalid_argument(message);
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Entry& entry : entries_) all.push_back(entry.spec.name);
    return all;
  }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool empty() const { return entries_.empty(); }

 private:
  std::deque<Entry> entries_;  // a deque: references to entries stay valid while plug-ins are added
  std::map<std::string, std::string, std::less<>> aliases_;
};

/// Binds the options of a plug-in to the members of its Options struct, whose initialisers are the defaults.
/// Usage: OptionBinder<Options>(spec, setters).param("alpha", &Options::alpha, "...", {{0.0, 1.0}});
template <class Options>
class OptionBinder {
 public:
  using Setter = std::function<void(Options&, const ParamValues&)>;

  OptionBinder(Spec& spec, std::vector<Setter>& setters) : spec_(spec), setters_(setters) {}

  template <class T>
  void bind(std::string name, T Options::*member, std::string help, std::optional<Range> range,
            std::vector<std::string> choices) {
    // The stored type is the user's type: every integer is int64_t, every real number is double.
    using Stored = std::conditional_t<
        std::is_same_v<T, bool>, bool,
        std::conditional_t<std::is_integral_v<T>, int64_t,
                           std::conditional_t<std::is_floating_point_v<T>, double, std::string>>>;
    spec_.params.push_back({name, std::move(help), ParamValue(static_cast<Stored>(Options{}.*member)), range,
                            std::move(choices)});
    setters_.push_back([name, member](Options& options, const ParamValues& values) {
      options.*member = static_cast<T>(std::get<Stored>(values.at(name)));
    });
  }

 private:
  Spec& spec_;
  std::vector<Setter>& setters_;
};

}  // namespace reel
