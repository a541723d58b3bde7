#include "models/text/jinja/values/template_value.h"

#include <algorithm>

#include "models/text/jinja/values/comparison.h"

namespace reel::models::jinja {

namespace {

void check_extent(const Extent& extent) {
  if (extent.nesting > kMostNesting) {
    throw Fault(FaultKind::kLimit,
                "puts lists more than " + std::to_string(kMostNesting) + " levels deep into each other");
  }
  if (extent.weight > kMostWeight) {
    throw Fault(FaultKind::kLimit, "makes a list of more than " + std::to_string(kMostWeight) + " values");
  }
}

// The extent of what holds both.
Extent joined(Extent whole, const Extent& part) {
  whole.nesting = std::max(whole.nesting, part.nesting + 1);
  whole.weight += part.weight;  // each is bounded, and so is their number
  return whole;
}

Extent extent_of(const Values& items) {
  Extent extent = {1, 1};
  for (const Value& item : items) extent = joined(extent, item.extent());
  check_extent(extent);
  return extent;
}

}  // namespace

Value::Value(std::string text, bool safe)
    : data_(std::make_shared<const Text>(Text{std::move(text), safe})) {}
Value::Value(std::shared_ptr<Object> object) : data_(std::move(object)) {}

Value Value::undefined(std::string message, FaultKind kind) {
  Value value;
  value.data_ = std::make_shared<const Absent>(Absent{std::move(message), kind});
  return value;
}

Value Value::list(Values items, Budget& budget) {
  budget.make(items.size() * sizeof(Value));
  Value value;
  const Extent extent = extent_of(items);
  value.data_ = std::make_shared<const ListItems>(ListItems{std::move(items), extent});
  return value;
}

Value Value::tuple(Values items, Budget& budget) {
  budget.make(items.size() * sizeof(Value));
  Value value;
  const Extent extent = extent_of(items);
  value.data_ = std::make_shared<const TupleItems>(TupleItems{{std::move(items), extent}});
  return value;
}

Value Value::dict(Dict items, Budget& budget) {
  budget.make(items.size() * 4 * sizeof(Value));
  check_extent(items.extent());
  Value value;
  value.data_ = std::make_shared<const Dict>(std::move(items));
  return value;
}

const Values& Value::items() const {
  return is(Kind::kList) ? std::get<ListPtr>(data_)->items : std::get<TuplePtr>(data_)->items;
}

void Value::fail_undefined() const {
  const AbsentPtr& absent = std::get<AbsentPtr>(data_);
  throw Fault(absent->kind, absent->message);
}

Extent Value::extent() const {
  switch (kind()) {
    case Kind::kList:
      return std::get<ListPtr>(data_)->extent;
    case Kind::kTuple:
      return std::get<TuplePtr>(data_)->extent;
    case Kind::kDict:
      return dict().extent();
    case Kind::kObject:
      return object()->extent();
    default:
      return {};
  }
}

std::string Value::type_name() const {
  switch (kind()) {
    case Kind::kNone:
      return "NoneType";
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return safe() ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kObject:
      return object()->type_name();
  }
  return {};
}

bool Value::same_as(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kString:  // equal texts are often one object in Python; small numbers always
      return equal(*this, other);
    case Kind::kUndefined:
      return std::get<AbsentPtr>(data_) == std::get<AbsentPtr>(other.data_);
    case Kind::kList:
      return std::get<ListPtr>(data_) == std::get<ListPtr>(other.data_);
    case Kind::kTuple:
      return std::get<TuplePtr>(data_) == std::get<TuplePtr>(other.data_);
    case Kind::kDict:
      return std::get<DictPtr>(data_) == std::get<DictPtr>(other.data_);
    case Kind::kObject:
      return object() == other.object();
  }
  return false;
}

const Value* Dict::find(const Value& key) const {
  const auto [begin, end] = places_.equal_range(hash_of(key));
  for (auto place = begin; place != end; ++place) {
    const auto& item = items_[place->second];
    if (equal(item.first, key)) return &item.second;
  }
  return nullptr;
}

const Value* Dict::find(std::string_view key) const { return find(Value(key)); }

void Dict::set(Value key, Value value) {
  extent_ = joined(joined(extent_, key.extent()), value.extent());
  if (const Value* there = find(key)) {
    const_cast<Value&>(*there) = std::move(value);
    return;
  }
  places_.emplace(hash_of(key), items_.size());
  items_.emplace_back(std::move(key), std::move(value));
}

std::string Object::repr(Budget&) const {
  throw Fault(FaultKind::kUnsupported,
              "prints a " + type_name() + ", which Python shows with its address in memory");
}

}  // namespace reel::models::jinja
