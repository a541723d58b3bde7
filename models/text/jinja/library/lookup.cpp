#include "models/text/jinja/library/lookup.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "models/files/utf8.h"
#include "models/text/jinja/library/loop.h"
#include "models/text/jinja/library/methods.h"
#include "models/text/jinja/values/python_text.h"

namespace reel::models::jinja {

namespace {

// As Jinja words it: "'dict object' has no attribute 'x'".
std::string described_type(const Value& object) {
  return object.is_none() ? "None" : object.type_name() + " object";
}

Value absent_attribute(const Value& object, const std::string& name) {
  return Value::undefined("'" + described_type(object) + "' has no attribute '" + name + "'");
}

Value hidden_attribute(const Value& object, const std::string& name) {
  return Value::undefined(
      "access to attribute '" + name + "' of '" + object.type_name() + "' object is unsafe",
      FaultKind::kUnsafe);
}

bool is_special_name(const std::string& name) {
  return name.size() > 4 && name.starts_with("__") && name.ends_with("__");
}

// What Python's getattr finds; none if there is nothing.
std::optional<Value> own_attribute(const Value& object, const std::string& name) {
  if (is_special_name(name)) return hidden_attribute(object, name);  // every object has some
  if (const auto space = object.as<Namespace>()) {
    const Value* found = space->find(name);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  if (const auto loop = object.as<Loop>()) return loop->attribute(name);
  if (is_changing_method(object, name)) return hidden_attribute(object, name);
  return method_of(object, name);
}

std::optional<Value> held_item(const Value& object, const Value& key, Budget& budget) {
  if (object.is(Value::Kind::kDict)) {
    budget.step(key.weight());
    try {
      const Value* found = object.dict().find(key);
      return found == nullptr ? std::nullopt : std::optional(*found);
    } catch (const Fault&) {  // no key of a dict
      return std::nullopt;
    }
  }
  if (!key.is_integer()) return std::nullopt;
  const auto range = object.as<Range>();
  if (!object.is_sequence() && !object.is_string() && !range) return std::nullopt;
  const int64_t size = size_of(object);
  const int64_t index = key.integer() < 0 ? key.integer() + size : key.integer();
  if (index < 0 || index >= size) return std::nullopt;
  if (object.is_sequence()) return object.items()[index];
  if (range) return range->at(index);
  budget.step(object.text().size() / 64 + 1);
  const size_t begin = byte_of(object.text(), index);
  return Value(object.text().substr(begin, byte_of(std::string_view(object.text()).substr(begin), 1)),
               object.safe());
}

}  // namespace

Value attribute_of(const Value& object, const std::string& name, Machine& machine) {
  if (object.is_undefined()) object.fail_undefined();
  if (std::optional<Value> found = own_attribute(object, name)) return *found;
  if (object.is(Value::Kind::kDict)) {
    if (std::optional<Value> found = held_item(object, Value(name), machine.budget)) return *found;
  }
  return absent_attribute(object, name);
}

Value item_of(const Value& object, const Value& key, Machine& machine) {
  if (object.is_undefined()) object.fail_undefined();
  if (std::optional<Value> found = held_item(object, key, machine.budget)) return *found;
  if (key.is_string()) {
    if (std::optional<Value> found = own_attribute(object, key.text())) return *found;
    return absent_attribute(object, key.text());
  }
  const std::string shown = key.is(Value::Kind::kInt) ? " " + std::to_string(key.integer()) : " of that key";
  return Value::undefined(described_type(object) + " has no element" + shown);
}

Value slice_of(const Value& object, const Value* start, const Value* stop, const Value* step,
               Machine& machine) {
  if (object.is_undefined()) object.fail_undefined();
  const auto range = object.as<Range>();
  if (!object.is_sequence() && !object.is_string() && !range) {
    throw Fault(FaultKind::kType, "takes a slice of a '" + object.type_name() + "', which has none");
  }
  const auto bound = [](const Value* value) -> std::optional<int64_t> {
    if (value == nullptr || value->is_none()) return std::nullopt;
    if (value->is_integer()) return value->integer();
    throw Fault(FaultKind::kType, "takes a slice by a '" + value->type_name() + "'; bounds must be integers");
  };
  const int64_t size = size_of(object);
  const int64_t by = bound(step).value_or(1);
  if (by == 0) throw Fault(FaultKind::kType, "takes a slice whose step is 0");
  // Where a bound falls between -1 or 0 and the length.
  const auto clipped = [&](std::optional<int64_t> value, int64_t otherwise) {
    if (!value) return otherwise;
    const int64_t at = *value < 0 ? std::max(*value, -size - 1) + size : *value;
    return by > 0 ? std::clamp<int64_t>(at, 0, size) : std::clamp<int64_t>(at, -1, size - 1);
  };
  const int64_t from = clipped(bound(start), by > 0 ? 0 : size - 1);
  const int64_t to = clipped(bound(stop), by > 0 ? size : -1);
  std::vector<int64_t> places;
  for (__int128 at = from; by > 0 ? at < to : at > to; at += by) {
    machine.budget.step();
    places.push_back(static_cast<int64_t>(at));
  }
  if (object.is_string()) {
    machine.budget.make(object.text().size());
    const std::u32string points = from_utf8(object.text());
    std::u32string text;
    for (const int64_t place : places) text += points[place];
    return Value(to_utf8(text), object.safe());
  }
  Values items;
  for (const int64_t place : places) items.push_back(range ? range->at(place) : object.items()[place]);
  if (range && !items.empty()) {
    const int64_t first = items.front().integer();
    const int64_t stride = items.size() > 1 ? items[1].integer() - first : by;
    return Value(std::make_shared<Range>(first, items.back().integer() + (stride > 0 ? 1 : -1), stride));
  }
  return object.is(Value::Kind::kTuple) ? Value::tuple(std::move(items), machine.budget)
                                        : Value::list(std::move(items), machine.budget);
}

}  // namespace reel::models::jinja
