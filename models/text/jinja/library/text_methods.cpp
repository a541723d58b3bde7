// Above 300 lines because Python has many methods of texts, a few lines each.
#include "models/text/jinja/library/text_methods.h"

#include <algorithm>
#include <map>

#include "models/files/utf8.h"
#include "models/text/jinja/library/text_format.h"
#include "models/text/jinja/values/python_text.h"
#include "models/text/unicode.h"

namespace reel::models::jinja {

namespace {

using TextMethod = Value (*)(const Value& self, const CallArguments& arguments, Machine& machine);

Value list_of(std::vector<std::string> parts, bool safe, Machine& machine) {
  Values items;
  for (std::string& part : parts) {
    machine.budget.make(part.size());
    items.emplace_back(std::move(part), safe);
  }
  return Value::list(std::move(items), machine.budget);
}

template <std::string (*change)(std::string_view)>
Value changed(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments none("a method of a text", arguments, {});
  machine.budget.make(self.text().size() * 3);
  return Value(change(self.text()), self.safe());
}

template <Side side>
Value stripped(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("strip", arguments, {"chars"});
  const std::optional<std::string> characters = bound.text(0);
  machine.budget.step(self.text().size() / 16 * (characters ? characters->size() / 16 + 1 : 1));
  machine.budget.make(self.text().size());
  return Value(strip_text(self.text(), characters, side), self.safe());
}

template <bool right>
Value split(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("split", arguments, {"sep", "maxsplit"});
  const int64_t most = bound.integer(1, -1);
  machine.budget.make(self.text().size());
  // Each part costs more than its bytes.
  machine.budget.make(static_cast<uint64_t>(bound.text(0) ? count_text(self.text(), *bound.text(0)) : 0) *
                      64);
  return list_of(right ? split_text_right(self.text(), bound.text(0), most)
                       : split_text(self.text(), bound.text(0), most),
                 self.safe(), machine);
}

// The part of the text that `start` and `stop` leave, as bytes; none if start lies behind the text.
std::optional<std::pair<size_t, size_t>> window(const Value& self, const BoundArguments& bound) {
  const int64_t size = length_of(self.text());
  const auto whole = [&](size_t index, int64_t otherwise) {
    const Value* value = bound.find(index);
    const int64_t at = value == nullptr || value->is_none() ? otherwise : bound.integer(index, otherwise);
    return at < 0 ? std::max<int64_t>(at + size, 0) : at;
  };
  const int64_t start = whole(1, 0), stop = std::min(whole(2, size), size);
  if (start > size || start > stop) return std::nullopt;
  return std::pair(byte_of(self.text(), start), byte_of(self.text(), stop));
}

template <bool front>
Value begins_or_ends(const Value& self, const CallArguments& arguments, Machine& machine) {
  const char* name = front ? "startswith" : "endswith";
  const BoundArguments bound(name, arguments, {"prefix", "start", "end"}, 1);
  const auto place = window(self, bound);
  const auto fits = [&](const Value& part) {
    if (!part.is_string()) {
      throw Fault(FaultKind::kType, std::string("gives '") + name + "' a '" + part.type_name() +
                                        "'; it takes a text, or a tuple of texts");
    }
    if (!place) return false;
    const auto rest = std::string_view(self.text()).substr(place->first, place->second - place->first);
    return front ? rest.starts_with(part.text()) : rest.ends_with(part.text());
  };
  const Value& given = *bound.find(0);
  machine.budget.step(given.weight());
  if (!given.is(Value::Kind::kTuple)) return Value(fits(given));
  return Value(std::any_of(given.items().begin(), given.items().end(), fits));
}

// find, rfind, index and rindex: `must` fails where nothing is found.
template <bool last, bool must>
Value found_at(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("find", arguments, {"sub", "start", "end"}, 1);
  const std::optional<std::string> part = bound.text(0);
  if (!part) throw Fault(FaultKind::kType, "looks in a text for something that is no text");
  machine.budget.step(self.text().size() / 64 + 1);
  if (const auto place = window(self, bound)) {
    const auto rest = std::string_view(self.text()).substr(place->first, place->second - place->first);
    const size_t at = last ? rest.rfind(*part) : rest.find(*part);
    if (at != std::string_view::npos) {
      return Value(length_of(std::string_view(self.text()).substr(0, place->first + at)));
    }
  }
  if (must) throw Fault(FaultKind::kType, "asks for the index of a text that is not there");
  return Value(int64_t{-1});
}

Value counted_parts(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("count", arguments, {"sub", "start", "end"}, 1);
  const std::optional<std::string> part = bound.text(0);
  if (!part) throw Fault(FaultKind::kType, "counts something in a text that is no text");
  machine.budget.step(self.text().size() / 64 + 1);
  const auto place = window(self, bound);
  if (!place) return Value(int64_t{0});
  return Value(
      count_text(std::string_view(self.text()).substr(place->first, place->second - place->first), *part));
}

Value replaced(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("replace", arguments, {"old", "new", "count"}, 2);
  const std::optional<std::string> from = bound.text(0), to = bound.text(1);
  if (!from || !to) throw Fault(FaultKind::kType, "gives 'replace' something that is no text");
  return Value(replace_text(self.text(), *from, *to, bound.integer(2, -1), machine.budget));
}

Value joined(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("join", arguments, {"iterable"}, 1);
  std::string text;
  bool first = true;
  Cursor next = iterate(*bound.find(0), machine.budget);
  while (const std::optional<Value> item = next()) {
    if (!item->is_string()) {
      throw Fault(FaultKind::kType, "joins a '" + item->type_name() + "' to a text; only texts can be");
    }
    machine.budget.make(self.text().size() + item->text().size());
    if (!first) text += self.text();
    first = false;
    text += item->text();
  }
  return Value(std::move(text));
}

Value lines(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("splitlines", arguments, {"keepends"});
  machine.budget.make(self.text().size() * 2);
  return list_of(lines_of(self.text(), bound.number_flag(0)), self.safe(), machine);
}

template <bool last>
Value partitioned(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("partition", arguments, {"sep"}, 1);
  const std::optional<std::string> by = bound.text(0);
  if (!by || by->empty()) throw Fault(FaultKind::kType, "gives 'partition' no text to cut at");
  const std::string& text = self.text();
  const size_t at = last ? text.rfind(*by) : text.find(*by);
  machine.budget.make(text.size());
  const Value empty{std::string()};
  if (at == std::string::npos) {
    return last ? Value::tuple({empty, empty, self}, machine.budget)
                : Value::tuple({self, empty, empty}, machine.budget);
  }
  return Value::tuple({Value(text.substr(0, at)), Value(*by), Value(text.substr(at + by->size()))},
                      machine.budget);
}

template <bool front>
Value without(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound(front ? "removeprefix" : "removesuffix", arguments, {"affix"}, 1);
  const std::optional<std::string> part = bound.text(0);
  if (!part) throw Fault(FaultKind::kType, "removes from a text something that is no text");
  machine.budget.make(self.text().size());
  const std::string& text = self.text();
  if (front && text.starts_with(*part)) return Value(text.substr(part->size()));
  if (!front && text.ends_with(*part)) return Value(text.substr(0, text.size() - part->size()));
  return self;
}

// ljust, rjust, center: -1 left, 1 right, 0 in the middle.
template <int side>
Value padded(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("ljust", arguments, {"width", "fillchar"}, 1);
  const std::string fill = bound.text(1).value_or(" ");
  if (length_of(fill) != 1)
    throw Fault(FaultKind::kType, "fills a text with something that is not one character");
  const int64_t room = std::max<int64_t>(bound.integer(0, 0) - length_of(self.text()), 0);
  machine.budget.make(self.text().size() + static_cast<uint64_t>(room) * fill.size());
  // Python puts the odd one to the left if the width is odd.
  const int64_t left = side < 0 ? 0 : side > 0 ? room : room / 2 + (room & bound.integer(0, 0) & 1);
  std::string text;
  for (int64_t i = 0; i < left; ++i) text += fill;
  text += self.text();
  for (int64_t i = left; i < room; ++i) text += fill;
  return Value(std::move(text));
}

Value zero_filled(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments bound("zfill", arguments, {"width"}, 1);
  const int64_t room = std::max<int64_t>(bound.integer(0, 0) - length_of(self.text()), 0);
  machine.budget.make(self.text().size() + static_cast<uint64_t>(room));
  std::string text = self.text();
  const bool sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  text.insert(sign, static_cast<size_t>(room), '0');
  return Value(std::move(text));
}

template <bool (*all)(char32_t)>
Value consists_of(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments none("a test of a text", arguments, {});
  const std::u32string points = from_utf8(self.text());
  machine.budget.step(points.size() / 16 + 1);
  return Value(!points.empty() && std::all_of(points.begin(), points.end(), all));
}

// Digits beyond ASCII have several kinds, which Python tells apart.
bool is_ascii_digit(char32_t point) {
  if (point >= 0x80 && is_number(point)) {
    throw Fault(FaultKind::kUnsupported, "asks for the kind of a digit beyond ASCII, which is not supported");
  }
  return point >= U'0' && point <= U'9';
}
bool is_letter_or_digit(char32_t point) { return is_letter(point) || is_number(point); }

Value only_ascii(const Value& self, const CallArguments& arguments, Machine&) {
  const BoundArguments none("isascii", arguments, {});
  return Value(std::none_of(self.text().begin(), self.text().end(), [](char byte) { return byte & 0x80; }));
}

template <bool upper>
Value has_case(const Value& self, const CallArguments& arguments, Machine& machine) {
  const BoundArguments none(upper ? "isupper" : "islower", arguments, {});
  const std::u32string points = from_utf8(self.text());
  machine.budget.step(points.size() / 16 + 1);
  const auto right = upper ? is_upper : is_lower;
  const auto wrong = [&](char32_t point) { return is_cased(point) && !right(point); };
  return Value(std::any_of(points.begin(), points.end(), right) &&
               std::none_of(points.begin(), points.end(), wrong));
}

Value formatted(const Value& self, const CallArguments& arguments, Machine& machine) {
  return Value(brace_format(self.text(), arguments, machine));
}

const std::map<std::string, TextMethod>& text_methods() {
  static const std::map<std::string, TextMethod> methods = {
      {"upper", changed<upper_text>},
      {"lower", changed<lower_text>},
      {"title", changed<title_text>},
      {"capitalize", changed<capitalized_text>},
      {"strip", stripped<Side::kBoth>},
      {"lstrip", stripped<Side::kLeft>},
      {"rstrip", stripped<Side::kRight>},
      {"split", split<false>},
      {"rsplit", split<true>},
      {"splitlines", lines},
      {"startswith", begins_or_ends<true>},
      {"endswith", begins_or_ends<false>},
      {"find", found_at<false, false>},
      {"rfind", found_at<true, false>},
      {"index", found_at<false, true>},
      {"rindex", found_at<true, true>},
      {"count", counted_parts},
      {"replace", replaced},
      {"join", joined},
      {"partition", partitioned<false>},
      {"rpartition", partitioned<true>},
      {"removeprefix", without<true>},
      {"removesuffix", without<false>},
      {"ljust", padded<-1>},
      {"rjust", padded<1>},
      {"center", padded<0>},
      {"zfill", zero_filled},
      {"isalpha", consists_of<is_letter>},
      {"isdigit", consists_of<is_ascii_digit>},
      {"isdecimal", consists_of<is_ascii_digit>},
      {"isnumeric", consists_of<is_ascii_digit>},
      {"isalnum", consists_of<is_letter_or_digit>},
      {"isspace", consists_of<is_python_space>},
      {"isascii", only_ascii},
      {"isupper", has_case<true>},
      {"islower", has_case<false>},
      {"format", formatted},
  };
  return methods;
}

}  // namespace

bool has_text_method(const Value& self, const std::string& name) {
  constexpr const char* kSafe[] = {"upper",      "lower",    "title", "capitalize", "strip",
                                   "lstrip",     "rstrip",   "split", "rsplit",     "splitlines",
                                   "startswith", "endswith", "find",  "count"};
  if (self.safe() && std::find(std::begin(kSafe), std::end(kSafe), name) == std::end(kSafe)) return false;
  return text_methods().contains(name);
}

Value call_text_method(const Value& self, const std::string& name, const CallArguments& arguments,
                       Machine& machine) {
  const bool takes_names = name == "split" || name == "rsplit" || name == "splitlines" || name == "format";
  if (!takes_names && !arguments.named.empty()) {
    throw Fault(FaultKind::kType,
                "gives '" + name + "' of a text an argument by name, which it does not take");
  }
  return text_methods().at(name)(self, arguments, machine);
}

}  // namespace reel::models::jinja
