#include "attention/plugin/spec.h"

#include <charconv>
#include <sstream>

#include "attention/plugin/value_rule.h"

namespace reel {
namespace {

std::string join(const std::vector<std::string>& parts, const char* separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

std::string number_text(double value) {
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value);  // the shortest text that reads back equal
  return std::string(buffer, end.ptr);
}

std::string article(const ParamValue& value) {
  const std::string type = type_name(value);
  if (type == "int") return "an integer";
  if (type == "float") return "a number";
  return type == "bool" ? "true or false" : "a text";
}

[[noreturn]] void refuse(const std::string& place, const Param& param, const std::string& expected,
                         const std::string& got, const std::string& hint) {
  throw std::invalid_argument("[" + place + "] '" + param.name + "' must " + expected + ", got '" + got +
                              "'; " + hint);
}

/// Edit distance that counts a swap of neighbours as one step (optimal string alignment).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string to_text(const ParamValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const double* number = std::get_if<double>(&value)) return number_text(*number);
  return std::get<std::string>(value);
}

std::string type_name(const ParamValue& value) {
  static constexpr const char* kNames[] = {"bool", "int", "float", "text"};
  return kNames[value.index()];
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  // One slip in a short word, two in a longer one, more only in long ones.
  size_t best_distance = name.size() <= 3 ? 2 : std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t d = distance(name, candidate);
    if (d < best_distance) best = candidate, best_distance = d;
  }
  return best;
}

ParamValue check_param(const std::string& place, const Param& param, const ParamValue& value) {
  ParamValue result = value;
  const bool wants_number = std::holds_alternative<double>(param.default_value);
  if (wants_number && std::holds_alternative<int64_t>(value)) {
    result = static_cast<double>(std::get<int64_t>(value));
  }
  if (result.index() != param.default_value.index()) {
    refuse(place, param, "be " + article(param.default_value), to_text(value),
           "the default is " + to_text(param.default_value));
  }
  std::optional<double> number;
  if (const double* real = std::get_if<double>(&result)) number = *real;
  if (const int64_t* integer = std::get_if<int64_t>(&result)) number = static_cast<double>(*integer);
  if (number && !std::isfinite(*number))
    refuse(place, param, "be finite", to_text(result), "write a plain number");
  if (number && param.range && (*number < param.range->low || *number > param.range->high)) {
    refuse(place, param, "lie in " + number_text(param.range->low) + " to " + number_text(param.range->high),
           to_text(result), "the default is " + to_text(param.default_value));
  }
  if (const std::string* text = std::get_if<std::string>(&result); text && !param.choices.empty()) {
    if (std::find(param.choices.begin(), param.choices.end(), *text) == param.choices.end()) {
      const std::string near = nearest_name(*text, param.choices);
      refuse(
          place, param, "be one of " + join(param.choices, "|"), *text,
          near.empty() ? "the default is " + to_text(param.default_value) : "did you mean '" + near + "'?");
    }
  }
  return result;
}

ParamValue parse_param(const std::string& place, const Param& param, std::string_view text) {
  const std::string hint = "the default is " + to_text(param.default_value);
  const std::string got(text);
  if (const auto word = param.words.find(got); word != param.words.end()) {
    if (std::holds_alternative<int64_t>(param.default_value)) return static_cast<int64_t>(word->second);
    return word->second;
  }
  if (std::holds_alternative<bool>(param.default_value)) {
    if (text == "true" || text == "1") return check_param(place, param, true);
    if (text == "false" || text == "0") return check_param(place, param, false);
    refuse(place, param, "be true or false", got, hint);
  }
  if (std::holds_alternative<int64_t>(param.default_value)) {
    const auto integer = read_integer(text);
    if (!integer) refuse(place, param, "be an integer", got, hint);
    return check_param(place, param, *integer);
  }
  if (std::holds_alternative<double>(param.default_value)) {
    double number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end.ec != std::errc() || end.ptr != text.data() + text.size())
      refuse(place, param, "be a number", got, hint);
    return check_param(place, param, number);
  }
  return check_param(place, param, got);
}

ParamValues complete_options(const Spec& spec, const ParamValues& given) {
  ParamValues values;
  for (const auto& [name, value] : given) {
    const auto found =
        std::find_if(spec.params.begin(), spec.params.end(), [&](const Param& p) { return p.name == name; });
    if (found == spec.params.end()) {
      std::vector<std::string> known;
      for (const Param& param : spec.params) known.push_back(param.name);
      if (!spec.presets.empty()) known.push_back("preset");
      const std::string near = nearest_name(name, known);
      throw std::invalid_argument("[" + spec.name + "] has no option '" + name + "'; " +
                                  (near.empty() ? "it has " + (known.empty() ? "none" : join(known, ", "))
                                                : "did you mean '" + near + "'?"));
    }
    values[name] = check_param(spec.name, *found, value);
  }
  for (const Param& param : spec.params) values.emplace(param.name, param.default_value);
  return values;
}

ParamValues parse_options(const Spec& spec, std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::stringstream stream{std::string(text)};
  for (std::string item; std::getline(stream, item, ',');) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos) {
      throw std::invalid_argument(
          "[" + spec.name + "] options are written name=value, got '" + item + "'; for example " +
          (spec.params.empty() ? "nothing: it has no options"
                               : spec.params[0].name + "=" + to_text(spec.params[0].default_value)));
    }
    pairs.emplace_back(item.substr(0, equals), item.substr(equals + 1));
    for (size_t i = 0; i + 1 < pairs.size(); ++i) {
      if (pairs[i].first == pairs.back().first) {
        throw std::invalid_argument("[" + spec.name + "] option '" + pairs[i].first +
                                    "' is given twice; keep one of them");
      }
    }
  }
  ParamValues given;
  for (const auto& [name, value] : pairs) {
    if (name != "preset" || spec.presets.empty()) continue;
    const auto preset = spec.presets.find(value);
    if (preset == spec.presets.end()) {
      std::vector<std::string> known;
      for (const auto& entry : spec.presets) known.push_back(entry.first);
      throw std::invalid_argument("[" + spec.name + "] has no preset '" + value + "'; it has " +
                                  join(known, ", "));
    }
    given = preset->second;
  }
  for (const auto& [name, value] : pairs) {
    if (name == "preset" && !spec.presets.empty()) continue;
    const auto found =
        std::find_if(spec.params.begin(), spec.params.end(), [&](const Param& p) { return p.name == name; });
    given[name] = found == spec.params.end() ? ParamValue(value) : parse_param(spec.name, *found, value);
  }
  return complete_options(spec, given);
}

}  // namespace reel
