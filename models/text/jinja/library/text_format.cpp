#include "models/text/jinja/library/text_format.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "models/files/utf8.h"
#include "models/text/jinja/library/lookup.h"
#include "models/text/jinja/values/python_text.h"
#include "models/text/jinja/values/value_text.h"

namespace reel::models::jinja {

namespace {

constexpr int64_t kMostWidth = 10'000;  // of one place

[[noreturn]] void format_fault(const std::string& message) { throw Fault(FaultKind::kType, message); }

class PercentFormat {
 public:
  PercentFormat(std::string_view format, const Value& values, Machine& machine)
      : format_(format), values_(values), machine_(machine) {}

  std::string run() {
    std::string text;
    while (at_ < format_.size()) {
      const size_t sign = std::min(format_.find('%', at_), format_.size());
      machine_.budget.make(sign - at_);
      text += format_.substr(at_, sign - at_);
      at_ = sign + 1;
      if (sign < format_.size()) text += place();
    }
    const bool all_used = values_.is(Value::Kind::kTuple) ? used_ == values_.items().size()
                                                          : used_ == 1 || values_.is(Value::Kind::kDict);
    if (!all_used && !(values_.is_sequence() && !values_.is(Value::Kind::kTuple) && used_ == 1)) {
      format_fault("formats a text by '%' with more values than it has places");
    }
    return text;
  }

 private:
  char take() {
    if (at_ >= format_.size()) format_fault("formats a text by '%' whose last place is cut off");
    return format_[at_++];
  }

  const Value& next() {
    if (values_.is(Value::Kind::kTuple)) {
      if (used_ >= values_.items().size())
        format_fault("formats a text by '%' with fewer values than it has places");
      return values_.items()[used_++];
    }
    if (used_++ > 0) format_fault("formats a text by '%' with fewer values than it has places");
    return values_;
  }

  int64_t number() {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      const Value& value = next();
      if (!value.is_integer()) format_fault("formats a text by '%*' with a width that is no integer");
      return value.integer();
    }
    int64_t value = 0;
    while (at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9' && value < kMostWidth) {
      value = value * 10 + (format_[at_++] - '0');
    }
    return value;
  }

  std::string place() {
    const Value* named = nullptr;
    if (at_ < format_.size() && format_[at_] == '(') {
      const size_t end = format_.find(')', at_);
      if (end == std::string_view::npos) format_fault("formats a text by '%(' without its ')'");
      if (!values_.is(Value::Kind::kDict))
        format_fault("formats a text by '%(name)s' with values that are no dict");
      named = values_.dict().find(format_.substr(at_ + 1, end - at_ - 1));
      if (named == nullptr) format_fault("formats a text by '%(name)s' with a dict that lacks the name");
      at_ = end + 1;
    }
    std::string flags;
    while (at_ < format_.size() && std::string_view("-+ 0#").find(format_[at_]) != std::string_view::npos) {
      flags += format_[at_++];
    }
    int64_t width = number();
    if (width < 0) flags += '-', width = -width;
    int64_t precision = -1;
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      precision = std::max<int64_t>(number(), 0);
    }
    if (width > kMostWidth || precision > kMostWidth) {
      throw Fault(FaultKind::kLimit, "formats a text with a width above " + std::to_string(kMostWidth));
    }
    while (at_ < format_.size() && std::string_view("hlL").find(format_[at_]) != std::string_view::npos)
      ++at_;
    const char kind = take();
    if (kind == '%') return "%";
    return padded(converted(kind, flags, precision, named == nullptr ? next() : *named), flags, width, kind);
  }

  std::string converted(char kind, const std::string& flags, int64_t precision, const Value& value) {
    const auto has = [&](char flag) { return flags.find(flag) != std::string::npos; };
    const std::string sign = has('+') ? "+" : has(' ') ? " " : "";
    switch (kind) {
      case 's':
      case 'r': {
        std::string text = kind == 's' ? text_of(value, machine_.budget) : repr_of(value, machine_.budget);
        return precision < 0 ? text : text.substr(0, byte_of(text, precision));
      }
      case 'c':
        if (value.is_string() && length_of(value.text()) == 1) return value.text();
        format_fault("formats something as '%c' that is not one character");
      case 'd':
      case 'i':
      case 'u': {
        if (!value.is_number())
          format_fault("formats a '" + value.type_name() + "' as '%d'; it takes a number");
        const double number = value.number();
        if (std::abs(number) >= 9.2e18)
          throw Fault(FaultKind::kUnsupported, "formats a number beyond 64 bits");
        const int64_t whole = value.is(Value::Kind::kFloat) ? static_cast<int64_t>(number) : value.integer();
        std::string digits = std::to_string(whole);
        const bool negative = digits[0] == '-';
        digits.erase(0, negative);
        if (static_cast<int64_t>(digits.size()) < precision) digits.insert(0, precision - digits.size(), '0');
        return (negative ? "-" : sign) + digits;
      }
      case 'x':
      case 'X':
      case 'o': {
        if (!value.is_integer())
          format_fault("formats a '" + value.type_name() + "' as '%x'; it takes an integer");
        if (value.integer() < 0 || has('#') || precision >= 0) break;
        char digits[32];
        const auto end =
            std::to_chars(digits, digits + sizeof digits, value.integer(), kind == 'o' ? 8 : 16).ptr;
        const std::string text(digits, end);
        return sign + (kind == 'X' ? upper_text(text) : text);
      }
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': {
        if (!value.is_number())
          format_fault("formats a '" + value.type_name() + "' as '%f'; it takes a number");
        if (!std::isfinite(value.number()) || has('#')) break;
        const std::string form = "%" + std::string(sign) + ".*" + kind;
        std::string text(static_cast<size_t>(std::max<int64_t>(precision, 6)) + 330, '\0');
        const int count = std::snprintf(text.data(), text.size(), form.c_str(),
                                        static_cast<int>(precision < 0 ? 6 : precision), value.number());
        text.resize(static_cast<size_t>(count));
        return text;
      }
      default:
        break;
    }
    throw Fault(FaultKind::kUnsupported,
                std::string("formats by '%") + kind + "' in a way that is not supported");
  }

  std::string padded(std::string text, const std::string& flags, int64_t width, char kind) {
    const int64_t room = width - length_of(text);
    if (room > 0) {
      if (flags.find('-') != std::string::npos) {
        text.append(static_cast<size_t>(room), ' ');
      } else if (flags.find('0') != std::string::npos && kind != 's' && kind != 'r' && kind != 'c') {
        const bool sign = !text.empty() && std::string_view("+- ").find(text[0]) != std::string_view::npos;
        text.insert(sign, static_cast<size_t>(room), '0');
      } else {
        text.insert(0, static_cast<size_t>(room), ' ');
      }
    }
    machine_.budget.make(text.size());
    return text;
  }

  std::string_view format_;
  const Value& values_;
  Machine& machine_;
  size_t at_ = 0, used_ = 0;
};

// The value that the inside of a place names: "0", "name", "0.attribute", "name[key]".
Value named_value(std::string_view field, size_t& next, const CallArguments& values, Machine& machine) {
  const size_t first_end = std::min(field.find_first_of(".["), field.size());
  const std::string first(field.substr(0, first_end));
  Value value;
  if (first.empty() || first.find_first_not_of("0123456789") == std::string::npos) {
    const size_t index = first.empty() ? next++ : first.size() > 9 ? SIZE_MAX : std::stoul(first);
    if (index >= values.positional.size())
      format_fault("formats a text with fewer values than it has places");
    value = values.positional[index];
  } else {
    const auto found = std::find_if(values.named.begin(), values.named.end(),
                                    [&](const auto& argument) { return argument.first == first; });
    if (found == values.named.end()) format_fault("formats a text without the value '" + first + "'");
    value = found->second;
  }
  for (size_t at = first_end; at < field.size();) {
    const bool attribute = field[at] == '.';
    if (!attribute && field[at] != '[') format_fault("formats a text with a place that is malformed");
    const size_t end =
        attribute ? std::min(field.find_first_of(".[", at + 1), field.size()) : field.find(']', at);
    if (end == std::string_view::npos || end == at + 1)
      format_fault("formats a text with a place that is malformed");
    const std::string name(field.substr(at + 1, end - at - 1));
    const bool number = name.size() < 10 && name.find_first_not_of("0123456789") == std::string::npos;
    value = attribute ? attribute_of(value, name, machine)
                      : item_of(value, number ? Value(int64_t{std::stol(name)}) : Value(name), machine);
    at = attribute ? end : end + 1;
  }
  return value;
}

}  // namespace

std::string percent_format(std::string_view format, const Value& values, Machine& machine) {
  return PercentFormat(format, values, machine).run();
}

std::string brace_format(std::string_view format, const CallArguments& values, Machine& machine) {
  std::string text;
  size_t next = 0;
  bool counted = false, numbered = false;
  for (size_t at = 0; at < format.size();) {
    const char sign = format[at];
    if (sign != '{' && sign != '}') {
      const size_t end = std::min(format.find_first_of("{}", at), format.size());
      machine.budget.make(end - at);
      text += format.substr(at, end - at);
      at = end;
    } else if (at + 1 < format.size() && format[at + 1] == sign) {
      text += sign;
      at += 2;
    } else {
      const size_t end = sign == '{' ? format.find('}', at) : std::string_view::npos;
      if (end == std::string_view::npos) format_fault("formats a text that has a single '{' or '}'");
      std::string_view field = format.substr(at + 1, end - at - 1);
      char conversion = 's';
      if (const size_t mark = field.find('!'); mark != std::string_view::npos) {
        if (mark + 2 != field.size())
          throw Fault(FaultKind::kUnsupported, "formats a text with a format of its own");
        conversion = field.back();
        field = field.substr(0, mark);
      }
      if (field.find_first_of(":{") != std::string_view::npos || (conversion != 's' && conversion != 'r')) {
        throw Fault(FaultKind::kUnsupported, "formats a text by '{" + std::string(field) +
                                                 "}'; formats of their own are not supported");
      }
      const char first = field.empty() ? '.' : field[0];
      counted |= first == '.' || first == '[';
      numbered |= first >= '0' && first <= '9';
      if (counted && numbered) format_fault("formats a text that numbers some of its places and others not");
      const Value value = named_value(field, next, values, machine);
      if (value.is(Value::Kind::kObject) && conversion == 's' && !value.object()->size()) {
        throw Fault(FaultKind::kUnsupported, "formats a '" + value.type_name() + "' into a text");
      }
      text += conversion == 's' ? text_of(value, machine.budget) : repr_of(value, machine.budget);
      at = end + 1;
    }
  }
  return text;
}

}  // namespace reel::models::jinja
