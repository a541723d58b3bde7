#include "models/text/jinja/filters/text_filters.h"

#include "models/files/utf8.h"
#include "models/text/jinja/library/arithmetic.h"
#include "models/text/jinja/library/attribute_path.h"
#include "models/text/jinja/library/text_format.h"
#include "models/text/jinja/values/comparison.h"
#include "models/text/jinja/values/python_text.h"
#include "models/text/jinja/values/value_text.h"

namespace reel::models::jinja {

namespace {

// A text as it is, marked safe or not; the text of any other value.
Value soft_text(const Value& value, Machine& machine) {
  return value.is_string() ? value : Value(text_of(value, machine.budget));
}

template <std::string (*change)(std::string_view)>
Value change_text(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("a filter of texts", arguments, {});
  const Value text = soft_text(input, machine);
  machine.budget.make(text.text().size() * 3);
  return Value(change(text.text()), text.safe());
}

// Each word with a capital; words begin behind white space and - ( { [ <.
std::string words_with_capitals(std::string_view text) {
  const std::u32string points = from_utf8(text);
  std::string result;
  const auto separates = [](char32_t point) {
    return is_python_space(point) || std::u32string_view(U"-({[<").find(point) != std::u32string_view::npos;
  };
  for (size_t begin = 0; begin < points.size();) {
    size_t end = begin;
    const bool separator = separates(points[begin]);
    while (end < points.size() && separates(points[end]) == separator) ++end;
    const std::u32string_view word = std::u32string_view(points).substr(begin, end - begin);
    result += upper_text(to_utf8(word.substr(0, 1))) + lower_text(to_utf8(word.substr(1)));
    begin = end;
  }
  return result;
}

Value trim(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("trim", arguments, {"chars"});
  const Value text = soft_text(input, machine);
  const std::optional<std::string> characters = bound.text(0);
  machine.budget.step(text.text().size() / 16 * (characters ? characters->size() / 16 + 1 : 1));
  machine.budget.make(text.text().size());
  return Value(strip_text(text.text(), characters), text.safe());
}

Value replace(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("replace", arguments, {"old", "new", "count"}, 2);
  const Value* count = bound.find(2);
  const int64_t most = count == nullptr || count->is_none() ? -1 : bound.integer(2, -1);
  return Value(replace_text(text_of(input, machine.budget), text_of(*bound.find(0), machine.budget),
                            text_of(*bound.find(1), machine.budget), most, machine.budget));
}

Value as_text(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("string", arguments, {});
  return soft_text(input, machine);
}

Value mark_safe(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("safe", arguments, {});
  return Value(text_of(input, machine.budget), true);
}

Value escape(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("escape", arguments, {});
  return escaped_text(input, machine);
}

Value force_escape(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("forceescape", arguments, {});
  return escaped_text(Value(text_of(input, machine.budget)), machine);
}

Value join(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("join", arguments, {"d", "attribute"});
  const std::string between = bound.find(0) == nullptr ? "" : text_of(*bound.find(0), machine.budget);
  const AttributePath path(bound.get(1, Value()));
  std::string text;
  bool first = true;
  Cursor next = iterate(input, machine.budget);
  while (const std::optional<Value> item = next()) {
    const std::string more = text_of(path.of(*item, machine), machine.budget);
    machine.budget.make(between.size() + more.size());
    if (!first) text += between;
    first = false;
    text += more;
  }
  return Value(std::move(text));
}

Value indent(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("indent", arguments, {"width", "first", "blank"});
  if (input.is_undefined()) input.fail_undefined();
  if (!input.is_string())
    throw Fault(FaultKind::kType, "indents a '" + input.type_name() + "', which is no text");
  const Value* width = bound.find(0);
  const int64_t spaces = width != nullptr && width->is_string() ? 0 : bound.integer(0, 4);
  machine.budget.make(static_cast<uint64_t>(std::max<int64_t>(spaces, 0)));
  const std::string front =
      width != nullptr && width->is_string() ? width->text() : std::string(std::max<int64_t>(spaces, 0), ' ');
  const std::vector<std::string> lines = lines_of(input.text() + "\n", false);
  machine.budget.make(lines.size() * 64);
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) {
    machine.budget.make(front.size() + lines[i].size() + 1);
    if (i > 0) text += '\n';
    const bool indented = i == 0 ? bound.flag(1) : bound.flag(2) || !lines[i].empty();
    if (indented) text += front;
    text += lines[i];
  }
  return Value(std::move(text), input.safe());
}

Value to_json(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = bound.flag(0);
  if (const Value* indent = bound.find(1); indent != nullptr && !indent->is_none()) {
    const int64_t spaces = indent->is_string() ? 0 : std::clamp<int64_t>(bound.integer(1, 0), 0, 1'000);
    style.indent = indent->is_string() ? indent->text() : std::string(static_cast<size_t>(spaces), ' ');
    style.between = ",";
  }
  if (const Value* separators = bound.find(2); separators != nullptr && !separators->is_none()) {
    const Values two = collect(*separators, machine.budget);
    if (two.size() != 2 || !two[0].is_string() || !two[1].is_string()) {
      throw Fault(FaultKind::kType, "gives 'tojson' separators that are not two texts");
    }
    style.between = two[0].text();
    style.after_key = two[1].text();
  }
  style.sort_keys = bound.flag(3);
  return Value(json_of(input, style, machine.budget));
}

Value format(Machine& machine, const Value& input, const CallArguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    throw Fault(FaultKind::kType, "gives 'format' values both by place and by name");
  }
  const std::string text = text_of(input, machine.budget);
  if (arguments.named.empty()) {
    return Value(percent_format(text, Value::tuple(arguments.positional, machine.budget), machine));
  }
  Dict values;
  for (const auto& [name, value] : arguments.named) values.set(name, value);
  return Value(percent_format(text, Value::dict(std::move(values), machine.budget), machine));
}

Value center(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("center", arguments, {"width"});
  const std::string text = text_of(input, machine.budget);
  const int64_t width = bound.integer(0, 80), room = std::max<int64_t>(width - length_of(text), 0);
  machine.budget.make(text.size() + static_cast<uint64_t>(room));
  const int64_t left = room / 2 + (room & width & 1);
  return Value(std::string(static_cast<size_t>(left), ' ') + text +
               std::string(static_cast<size_t>(room - left), ' '));
}

}  // namespace

std::vector<FilterEntry> text_filters() {
  return {{"capitalize", change_text<capitalized_text>},
          {"center", center},
          {"e", escape},
          {"escape", escape},
          {"forceescape", force_escape},
          {"format", format},
          {"indent", indent},
          {"join", join},
          {"lower", change_text<lower_text>},
          {"replace", replace},
          {"safe", mark_safe},
          {"string", as_text},
          {"title", change_text<words_with_capitals>},
          {"tojson", to_json},
          {"trim", trim},
          {"upper", change_text<upper_text>}};
}

}  // namespace reel::models::jinja
