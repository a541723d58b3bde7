#include "pipeline/graph/constant.h"

#include "attention/plugin/value_rule.h"

namespace reel::pipeline {
namespace {

bool is_text_type(const std::string& name) { return name == "STRING" || name == "COMBO"; }

/// As ComfyUI reads texts: spaces around a number and a plus sign do not count.
std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

/// An integer of either sign up to 64 bits.
struct Wide {
  bool negative = false;
  uint64_t magnitude = 0;
  double approximate() const {
    return negative ? -static_cast<double>(magnitude) : static_cast<double>(magnitude);
  }
  std::optional<int64_t> narrow() const {
    if (!negative)
      return magnitude <= uint64_t{INT64_MAX} ? std::optional(static_cast<int64_t>(magnitude)) : std::nullopt;
    return magnitude <= uint64_t{1} << 63 ? std::optional(static_cast<int64_t>(~magnitude + 1))
                                          : std::nullopt;
  }
};

Wide widen(int64_t value) {
  return value < 0 ? Wide{true, ~static_cast<uint64_t>(value) + 1}
                   : Wide{false, static_cast<uint64_t>(value)};
}

std::optional<Wide> to_wide(const Input& input) {
  if (const auto* integer = std::get_if<int64_t>(&input)) return widen(*integer);
  if (const auto* large = std::get_if<uint64_t>(&input)) return Wide{false, *large};
  if (const auto* flag = std::get_if<bool>(&input)) return Wide{false, *flag ? 1u : 0u};
  if (const auto* number = std::get_if<double>(&input)) {
    if (std::floor(*number) != *number || std::abs(*number) >= 0x1p64) return std::nullopt;
    return Wide{*number < 0, static_cast<uint64_t>(std::abs(*number))};
  }
  if (const auto* text = std::get_if<std::string>(&input)) {
    if (const auto integer = reel::read_integer(trimmed(*text))) return widen(*integer);
    if (const auto large = reel::read_unsigned(trimmed(*text))) return Wide{false, *large};
  }
  return std::nullopt;
}

std::optional<double> to_double(const Input& input) {
  std::optional<double> number;
  if (const auto* given = std::get_if<double>(&input)) number = *given;
  if (const auto* text = std::get_if<std::string>(&input)) number = reel::read_number(trimmed(*text));
  if (!number && !std::holds_alternative<std::string>(input)) {
    if (const auto integer = to_wide(input)) number = integer->approximate();
  }
  if (number && !std::isfinite(*number)) return std::nullopt;
  return number;
}

std::optional<std::string> to_string_value(const Input& input) {
  if (const auto* text = std::get_if<std::string>(&input)) return *text;
  if (std::holds_alternative<Link>(input) || std::holds_alternative<RawJson>(input)) return std::nullopt;
  return input_text(input);
}

std::optional<bool> to_bool(const Input& input) {
  if (const auto* flag = std::get_if<bool>(&input)) return *flag;
  if (const auto* text = std::get_if<std::string>(&input)) {
    if (*text == "true" || *text == "True" || *text == "1") return true;
    if (*text == "false" || *text == "False" || *text == "0") return false;
    return std::nullopt;
  }
  const auto number = to_double(input);
  return number ? std::optional(*number != 0) : std::nullopt;
}

std::string bound_text(const std::string& type, double bound) {
  if (type == "INT" && std::abs(bound) < 9e15) return std::to_string(static_cast<int64_t>(bound));
  return number_text(bound);
}

bool in_range(const Socket& socket, const std::string& type, double number, Problem& problem) {
  if (!socket.range) return true;
  const bool small = number < socket.range->low;
  if (!small && number <= socket.range->high) return true;
  problem.kind = small ? "value_smaller_than_min" : "value_bigger_than_max";
  problem.hint =
      "the nearest legal value is " + bound_text(type, small ? socket.range->low : socket.range->high);
  return false;
}

std::optional<Value> to_int(const Socket& socket, const Input& input, Problem& problem) {
  const auto wide = to_wide(input);
  if (!wide) {
    problem.kind = "invalid_input_type";
    return std::nullopt;
  }
  if (socket.seed) {
    if (!wide->negative || wide->magnitude == 0) return Value(static_cast<int64_t>(wide->magnitude));
    problem.kind = "value_smaller_than_min", problem.hint = "the nearest legal value is 0";
    return std::nullopt;
  }
  if (!in_range(socket, "INT", wide->approximate(), problem)) return std::nullopt;
  if (const auto narrow = wide->narrow()) return Value(*narrow);
  problem.kind = wide->negative ? "value_smaller_than_min" : "value_bigger_than_max";
  problem.hint = "the nearest legal value is " + std::to_string(wide->negative ? INT64_MIN : INT64_MAX);
  return std::nullopt;
}

std::optional<Value> choose(const Socket& socket, const std::string& text, Problem& problem) {
  if (socket.choices.empty() ||
      std::find(socket.choices.begin(), socket.choices.end(), text) != socket.choices.end()) {
    return Value(text);
  }
  problem.kind = "value_not_in_list";
  const std::string near = suggestion(text, socket.choices);
  if (!near.empty()) problem.hint = "did you mean '" + near + "'?";
  return std::nullopt;
}

std::optional<Value> convert_to(const std::string& type, const Socket& socket, const Input& input,
                                Problem& problem) {
  if (type == "INT") return to_int(socket, input, problem);
  problem.kind = "invalid_input_type";
  if (type == "FLOAT") {
    const auto number = to_double(input);
    if (!number || !in_range(socket, type, *number, problem)) return std::nullopt;
    return Value(*number);
  }
  if (type == "BOOLEAN") {
    const auto flag = to_bool(input);
    return flag ? std::optional(Value(*flag)) : std::nullopt;
  }
  if (is_text_type(type)) {
    const auto text = to_string_value(input);
    return text ? choose(socket, *text, problem) : std::nullopt;
  }
  if (type == "*") {  // as it comes
    if (const auto* flag = std::get_if<bool>(&input)) return Value(*flag);
    if (const auto* number = std::get_if<double>(&input)) return Value(*number);
    if (const auto* text = std::get_if<std::string>(&input)) return Value(*text);
    if (const auto wide = to_wide(input)) return to_int(socket, input, problem);
  }
  return std::nullopt;
}

/// The type that a constant has by itself.
std::string own_type(const Input& input) {
  if (std::holds_alternative<bool>(input)) return "BOOLEAN";
  if (std::holds_alternative<double>(input)) return "FLOAT";
  if (std::holds_alternative<int64_t>(input) || std::holds_alternative<uint64_t>(input)) return "INT";
  return std::holds_alternative<std::string>(input) ? "STRING" : "";
}

}  // namespace

const Input* given_input(const Node& node, const Socket& socket) {
  const auto given = node.inputs.find(socket.name);
  if (given == node.inputs.end()) return nullptr;
  const auto* raw = std::get_if<RawJson>(&given->second);
  return raw && raw->text == "null" && !takes_constants(socket) ? nullptr : &given->second;
}

std::vector<std::string> type_names(const std::string& type) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= type.size();) {
    const size_t end = std::min(type.find(',', begin), type.size());
    names.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

bool accepts(const std::string& wanted, const std::string& given) {
  for (const std::string& want : type_names(wanted)) {
    for (const std::string& have : type_names(given)) {
      if (want == have || want == "*" || have == "*" || (is_text_type(want) && is_text_type(have)))
        return true;
    }
  }
  return false;
}

bool takes_constants(const Socket& socket) {
  for (const std::string& name : type_names(socket.type)) {
    if (name == "INT" || name == "FLOAT" || name == "BOOLEAN" || name == "*" || is_text_type(name))
      return true;
  }
  return false;
}

std::optional<Value> convert(const Socket& socket, const Input& input, Problem& problem) {
  std::vector<std::string> names = type_names(socket.type);
  // Of several types, the constant's own comes first: 5 is an INT for "FLOAT,INT".
  std::stable_partition(names.begin(), names.end(),
                        [own = own_type(input)](const std::string& name) { return name == own; });
  for (const std::string& name : names) {
    problem.hint.clear();
    if (auto value = convert_to(name, socket, input, problem)) return value;
    if (problem.kind != "invalid_input_type") break;  // the right type, but out of range: no other type helps
  }
  problem.expected = expectation(socket);
  problem.found = printable(input_text(input));
  if (problem.hint.empty() && problem.kind == "invalid_input_type" && socket.default_value &&
      takes_constants(socket)) {
    problem.hint = "the default is " + to_text(*socket.default_value);
  }
  return std::nullopt;
}

std::optional<Value> default_of(const Socket& socket) {
  if (!socket.default_value) return std::nullopt;
  Socket free = socket;  // a default need not be among the choices: a list of files may be empty today
  free.range.reset();
  free.choices.clear();
  Problem problem;
  auto value = convert(
      free, std::visit([](const auto& scalar) { return Input(scalar); }, *socket.default_value), problem);
  if (!value)
    throw std::logic_error("the default of input '" + socket.name + "' is not " + expectation(socket));
  return value;
}

std::optional<Input> as_input(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return std::nullopt;
}

std::string expectation(const Socket& socket) {
  if (!takes_constants(socket)) return "a link to " + socket.type;
  std::string text;
  for (const std::string& name : type_names(socket.type)) {
    if (!text.empty()) text += " or ";
    if (name == "INT")
      text += "an integer";
    else if (name == "FLOAT")
      text += "a number";
    else if (name == "BOOLEAN")
      text += "true or false";
    else if (name == "*")
      text += "anything";
    else if (is_text_type(name))
      text += socket.choices.empty() ? "a text" : "one of ";
    else
      text += "a link to " + name;
  }
  if (socket.seed) return text + " from 0 to 2^64-1";
  if (socket.range) {
    const std::string type = socket.type == "INT" ? "INT" : "FLOAT";
    text += " from " + bound_text(type, socket.range->low) + " to " + bound_text(type, socket.range->high);
  }
  constexpr size_t kMaxShown = 20;  // of a list of choices
  for (size_t i = 0; i < std::min(socket.choices.size(), kMaxShown); ++i)
    text += (i ? "|" : "") + socket.choices[i];
  if (socket.choices.size() > kMaxShown)
    text += "|... (" + std::to_string(socket.choices.size()) + " in all)";
  return text;
}

bool fits(const std::string& type, const Value& value) {
  const auto is = [&](auto example) { return std::holds_alternative<decltype(example)>(value); };
  for (const std::string& name : type_names(type)) {
    const bool scalar = (name == "INT" && is(int64_t{})) || (name == "FLOAT" && is(double{})) ||
                        (name == "BOOLEAN" && is(bool{})) || (is_text_type(name) && is(std::string{}));
    const bool media = (name == "LATENT" && is(Latent{})) ||
                       (name == "CONDITIONING" && is(PromptContext{})) || (name == "IMAGE" && is(Images{})) ||
                       (name == "VIDEO" && is(media::Frames{}));
    const bool handle = (name == "MODEL" && is(ModelHandle{})) || (name == "CLIP" && is(ClipHandle{})) ||
                        (name == "VAE" && is(VaeHandle{})) || (name == "CAPTIONER" && is(CaptionerHandle{}));
    if (scalar || media || handle) return true;
    static const std::set<std::string> kKnown = {"INT",    "FLOAT",        "BOOLEAN",  "STRING", "COMBO",
                                                 "LATENT", "CONDITIONING", "IMAGE",    "VIDEO",  "MODEL",
                                                 "CLIP",   "VAE",          "CAPTIONER"};
    if (!kKnown.count(name)) return true;
  }
  return false;
}

}  // namespace reel::pipeline
