#include "models/text/jinja/values/value_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "models/files/utf8.h"
#include "models/text/jinja/values/comparison.h"
#include "models/text/jinja/values/python_text.h"

namespace reel::models::jinja {

namespace {

// A text that counts what is put into it.
class Writer {
 public:
  explicit Writer(Budget& budget) : budget_(budget) {}
  void put(std::string_view text) {
    budget_.step();
    budget_.make(text.size());
    text_ += text;
  }
  Budget& budget() { return budget_; }
  std::string take() { return std::move(text_); }

 private:
  Budget& budget_;
  std::string text_;
};

void write_repr(const Value& value, Writer& writer);

void write_items(const Values& items, Writer& writer) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) writer.put(", ");
    first = false;
    write_repr(item, writer);
  }
}

void write_dict(const Dict& dict, Writer& writer) {
  writer.put("{");
  bool first = true;
  for (const auto& [key, item] : dict.items()) {
    if (!first) writer.put(", ");
    first = false;
    write_repr(key, writer);
    writer.put(": ");
    write_repr(item, writer);
  }
  writer.put("}");
}

void write_repr(const Value& value, Writer& writer) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return writer.put("Undefined");
    case Value::Kind::kString:
      return writer.put(value.safe() ? "Markup(" + quoted_text(value.text()) + ")"
                                     : quoted_text(value.text()));
    case Value::Kind::kList:
      writer.put("[");
      write_items(value.items(), writer);
      return writer.put("]");
    case Value::Kind::kTuple:
      writer.put("(");
      write_items(value.items(), writer);
      return writer.put(value.items().size() == 1 ? ",)" : ")");
    case Value::Kind::kDict:
      return write_dict(value.dict(), writer);
    case Value::Kind::kObject:
      return writer.put(value.object()->repr(writer.budget()));
    default:
      return writer.put(text_of(value, writer.budget()));
  }
}

// JSON's text of a string.
std::string json_text(std::string_view text, bool ascii) {
  std::string result = "\"";
  char escape[16];
  for (const char32_t point : from_utf8(text)) {
    const char* known = point == U'"'    ? "\\\""
                        : point == U'\\' ? "\\\\"
                        : point == U'\n' ? "\\n"
                        : point == U'\r' ? "\\r"
                        : point == U'\t' ? "\\t"
                        : point == U'\f' ? "\\f"
                        : point == U'\b' ? "\\b"
                                         : nullptr;
    if (known != nullptr) {
      result += known;
    } else if (point < 0x20 || (ascii && point >= 0x7F && point < 0x10000)) {
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(point));
      result += escape;
    } else if (ascii && point >= 0x10000) {
      const unsigned rest = static_cast<unsigned>(point) - 0x10000;
      std::snprintf(escape, sizeof escape, "\\u%04x\\u%04x", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
      result += escape;
    } else {
      append_utf8(result, point);
    }
  }
  return result + '"';
}

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Budget& budget) : style_(style), writer_(budget) {}

  void write(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kNone:
      case Value::Kind::kBool:
      case Value::Kind::kInt:
      case Value::Kind::kFloat:
        return writer_.put(plain(value));
      case Value::Kind::kString:
        return writer_.put(json_text(value.text(), style_.ascii));
      case Value::Kind::kList:
      case Value::Kind::kTuple:
        return write_all('[', ']', value.items(), [&](const Value& item) { write(item); });
      case Value::Kind::kDict:
        return write_dict_members(value.dict());
      default:
        throw Fault(FaultKind::kType,
                    "writes a '" + value.type_name() + "' as JSON, which has no form for it");
    }
  }
  std::string take() { return writer_.take(); }

 private:
  static std::string plain(const Value& value) {
    if (value.is_none()) return "null";
    if (value.is(Value::Kind::kBool)) return value.boolean() ? "true" : "false";
    if (value.is(Value::Kind::kInt)) return std::to_string(value.integer());
    const double number = value.number();
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
    return float_text(number);
  }

  void write_dict_members(const Dict& dict) {
    std::vector<const std::pair<Value, Value>*> members;
    for (const auto& item : dict.items()) members.push_back(&item);
    if (style_.sort_keys) {
      std::stable_sort(members.begin(), members.end(),
                       [](const auto* a, const auto* b) { return less(a->first, b->first); });
    }
    write_all('{', '}', members, [&](const std::pair<Value, Value>* member) {
      const Value& key = member->first;
      if (!key.is_string() && !key.is_number() && !key.is_none()) {
        throw Fault(FaultKind::kType, "writes a dict as JSON that has a '" + key.type_name() + "' as a key");
      }
      writer_.put(json_text(key.is_string() ? key.text() : plain(key), style_.ascii));
      writer_.put(style_.after_key);
      write(member->second);
    });
  }

  template <class Items, class Write>
  void write_all(char open, char close, const Items& items, Write write_one) {
    writer_.put(std::string(1, open));
    ++level_;
    bool first = true;
    for (const auto& item : items) {
      if (!first) writer_.put(style_.between);
      first = false;
      new_line();
      write_one(item);
    }
    --level_;
    if (!items.empty()) new_line();
    writer_.put(std::string(1, close));
  }

  void new_line() {
    if (!style_.indent) return;
    writer_.put("\n");
    for (int i = 0; i < level_; ++i) writer_.put(*style_.indent);
  }

  JsonStyle style_;
  Writer writer_;
  int level_ = 0;
};

}  // namespace

std::string text_of(const Value& value, Budget& budget) {
  switch (value.kind()) {
    case Value::Kind::kNone:
      return "None";
    case Value::Kind::kUndefined:
      return "";
    case Value::Kind::kBool:
      return value.boolean() ? "True" : "False";
    case Value::Kind::kInt:
      return std::to_string(value.integer());
    case Value::Kind::kFloat:
      return float_text(value.number());
    case Value::Kind::kString:
      budget.make(value.text().size());
      return value.text();
    default:
      return repr_of(value, budget);
  }
}

std::string repr_of(const Value& value, Budget& budget) {
  Writer writer(budget);
  write_repr(value, writer);
  return writer.take();
}

std::string repr_of(const Dict& dict, Budget& budget) {
  Writer writer(budget);
  write_dict(dict, writer);
  return writer.take();
}

std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto [end, code] =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
  std::string digits(buffer, end);  // d.ddde+xx
  const size_t mark = digits.find('e');
  const int exponent = std::stoi(digits.substr(mark + 1));
  std::string text = digits.substr(0, mark);
  if (exponent < -4 || exponent >= 16) {
    char tail[16];
    std::snprintf(tail, sizeof tail, "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
    return text + tail;
  }
  const bool negative = text.front() == '-';
  if (negative) text.erase(0, 1);
  text.erase(std::remove(text.begin(), text.end(), '.'), text.end());
  if (exponent < 0) {
    text = "0." + std::string(-exponent - 1, '0') + text;
  } else {
    const auto whole = static_cast<size_t>(exponent) + 1;
    if (text.size() < whole) text.append(whole - text.size(), '0');
    text.insert(whole, text.size() == whole ? ".0" : ".");
  }
  return negative ? "-" + text : text;
}

std::string json_of(const Value& value, const JsonStyle& style, Budget& budget) {
  JsonWriter writer(style, budget);
  writer.write(value);
  return writer.take();
}

}  // namespace reel::models::jinja
