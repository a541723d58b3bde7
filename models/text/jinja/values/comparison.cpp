#include "models/text/jinja/values/comparison.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "models/text/jinja/values/iteration.h"

namespace reel::models::jinja {

namespace {

// Holds each int64 and each double exactly.
long double exact(const Value& value) {
  return value.is(Value::Kind::kFloat) ? static_cast<long double>(value.number())
                                       : static_cast<long double>(value.integer());
}

bool equal_items(const Values& left, const Values& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), equal);
}

bool equal_dicts(const Dict& left, const Dict& right) {
  return left.size() == right.size() &&
         std::all_of(left.items().begin(), left.items().end(), [&](const auto& item) {
           const Value* other = right.find(item.first);
           return other != nullptr && equal(item.second, *other);
         });
}

[[noreturn]] void no_order(const Value& left, const Value& right) {
  throw Fault(FaultKind::kType, "compares the order of '" + left.type_name() + "' and '" + right.type_name() +
                                    "', which have none");
}

bool contains(const Value& container, const Value& item, Budget& budget) {
  if (container.is_string()) {
    if (!item.is_string()) {
      throw Fault(FaultKind::kType,
                  "looks for a '" + item.type_name() + "' in a text; only a text can be in one");
    }
    budget.step(container.text().size() / 64 + 1);
    return container.text().find(item.text()) != std::string::npos;
  }
  budget.step(container.weight() + item.weight());
  if (container.is_sequence()) {
    return std::any_of(container.items().begin(), container.items().end(),
                       [&](const Value& element) { return element.same_as(item) || equal(element, item); });
  }
  if (container.is(Value::Kind::kDict)) return container.dict().find(item) != nullptr;
  Cursor cursor = iterate(container, budget);
  while (std::optional<Value> element = cursor()) {
    if (equal(*element, item)) return true;
  }
  return false;
}

}  // namespace

bool equal(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) return exact(left) == exact(right);
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Value::Kind::kNone:
    case Value::Kind::kUndefined:
      return true;
    case Value::Kind::kString:
      return left.text() == right.text();
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return equal_items(left.items(), right.items());
    case Value::Kind::kDict:
      return equal_dicts(left.dict(), right.dict());
    case Value::Kind::kObject:
      return left.object() == right.object() || left.object()->equals(*right.object());
    default:
      return false;
  }
}

size_t hash_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return std::hash<int64_t>()(value.integer());
    case Value::Kind::kFloat: {
      const double number = value.number();
      const bool whole = std::abs(number) < 9e18 && number == std::floor(number);
      return whole ? std::hash<int64_t>()(static_cast<int64_t>(number)) : std::hash<double>()(number);
    }
    case Value::Kind::kString:
      return std::hash<std::string>()(value.text());
    case Value::Kind::kTuple: {
      size_t hash = 0x345678;
      for (const Value& item : value.items()) hash = hash * 1'000'003 + hash_of(item);
      return hash;
    }
    case Value::Kind::kNone:
      return 1;
    case Value::Kind::kUndefined:
      return 2;
    case Value::Kind::kObject:
      return std::hash<Object*>()(value.object().get());
    default:
      throw Fault(FaultKind::kType, "uses a '" + value.type_name() + "' as a key, which cannot be one");
  }
}

bool less(const Value& left, const Value& right) {
  if (left.is_undefined()) left.fail_undefined();
  if (right.is_undefined()) right.fail_undefined();
  if (left.is_number() && right.is_number()) return exact(left) < exact(right);
  if (left.kind() != right.kind()) no_order(left, right);
  if (left.is_string()) return left.text() < right.text();  // bytes of UTF-8 are ordered as code points are
  if (!left.is_sequence()) no_order(left, right);
  const Values &a = left.items(), &b = right.items();
  const auto [first, second] = std::mismatch(a.begin(), a.end(), b.begin(), b.end(), equal);
  if (first == a.end() || second == b.end()) return first == a.end() && second != b.end();
  return less(*first, *second);
}

bool compare(Comparison comparison, const Value& left, const Value& right, Budget& budget) {
  if (comparison != Comparison::kIn && comparison != Comparison::kNotIn) {
    budget.step(std::min(left.weight(), right.weight()));
  }
  switch (comparison) {
    case Comparison::kEqual:
      return equal(left, right);
    case Comparison::kUnequal:
      return !equal(left, right);
    case Comparison::kLess:
      return less(left, right);
    case Comparison::kGreater:
      return less(right, left);
    case Comparison::kLessOrEqual:
      return less(left, right) || equal(left, right);
    case Comparison::kGreaterOrEqual:
      return less(right, left) || equal(left, right);
    case Comparison::kIn:
      return contains(right, left, budget);
    case Comparison::kNotIn:
      return !contains(right, left, budget);
  }
  return false;
}

bool truth(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNone:
    case Value::Kind::kUndefined:
      return false;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return value.integer() != 0;
    case Value::Kind::kFloat:
      return value.number() != 0;
    case Value::Kind::kString:
      return !value.text().empty();
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return !value.items().empty();
    case Value::Kind::kDict:
      return value.dict().size() > 0;
    case Value::Kind::kObject:
      return value.object()->size().value_or(1) != 0;
  }
  return false;
}

}  // namespace reel::models::jinja
