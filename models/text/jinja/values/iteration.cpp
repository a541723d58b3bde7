#include "models/text/jinja/values/iteration.h"

#include <algorithm>

#include "models/text/jinja/values/comparison.h"
#include "models/text/jinja/values/python_text.h"
#include "models/text/jinja/values/value_text.h"

namespace reel::models::jinja {

namespace {

constexpr int64_t kMostInRange = 100'000;  // MAX_RANGE of Jinja's sandbox

// Goes through `count` elements that `at` gives.
template <class At>
Cursor counted(int64_t count, Budget& budget, At at) {
  return [=, &budget, index = int64_t{0}]() mutable -> std::optional<Value> {
    if (index >= count) return std::nullopt;
    budget.step();
    return at(index++);
  };
}

Cursor characters(const Value& text, Budget& budget) {
  return [=, &budget, begin = size_t{0}]() mutable -> std::optional<Value> {
    const std::string& bytes = text.text();
    if (begin >= bytes.size()) return std::nullopt;
    budget.step();
    size_t end = begin + 1;
    while (end < bytes.size() && (bytes[end] & 0xC0) == 0x80) ++end;
    std::string character = bytes.substr(begin, end - begin);
    begin = end;
    return Value(std::move(character), text.safe());
  };
}

}  // namespace

Cursor iterate(const Value& value, Budget& budget) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return [] { return std::nullopt; };
    case Value::Kind::kString:
      return characters(value, budget);
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return counted(static_cast<int64_t>(value.items().size()), budget,
                     [=](int64_t index) { return value.items()[index]; });
    case Value::Kind::kDict:
      return counted(static_cast<int64_t>(value.dict().size()), budget,
                     [=](int64_t index) { return value.dict().items()[index].first; });
    case Value::Kind::kObject:
      if (const auto range = value.as<Range>()) {
        return counted(*range->size(), budget, [=](int64_t index) { return range->at(index); });
      }
      if (const auto view = value.as<DictView>()) {
        return counted(*view->size(), budget,
                       [=, &budget](int64_t index) { return view->at(index, budget); });
      }
      if (const auto generator = value.as<Generator>()) {
        return [=, &budget]() -> std::optional<Value> {
          const Budget::Level level(budget);  // generators call each other
          budget.step();
          return generator->next();
        };
      }
      [[fallthrough]];
    default:
      throw Fault(FaultKind::kType, "goes through a '" + value.type_name() + "', which has no elements");
  }
}

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNone:
    case Value::Kind::kBool:
    case Value::Kind::kInt:
    case Value::Kind::kFloat:
      return false;
    case Value::Kind::kObject:
      return value.as<Range>() || value.as<DictView>() || value.as<Generator>();
    default:
      return true;
  }
}

Values collect(const Value& value, Budget& budget) {
  if (value.is_sequence()) {
    budget.make(value.items().size() * sizeof(Value));
    return value.items();
  }
  Values items;
  Cursor next = iterate(value, budget);
  while (std::optional<Value> item = next()) {
    budget.make(sizeof(Value));
    items.push_back(std::move(*item));
  }
  return items;
}

int64_t size_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return 0;
    case Value::Kind::kString:
      return length_of(value.text());
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return static_cast<int64_t>(value.items().size());
    case Value::Kind::kDict:
      return static_cast<int64_t>(value.dict().size());
    case Value::Kind::kObject:
      if (const std::optional<int64_t> size = value.object()->size()) return *size;
      [[fallthrough]];
    default:
      throw Fault(FaultKind::kType, "asks for the length of a '" + value.type_name() + "', which has none");
  }
}

Range::Range(int64_t start, int64_t stop, int64_t step) : start_(start), stop_(stop), step_(step) {
  if (step == 0) throw Fault(FaultKind::kType, "makes a range whose step is 0");
  const __int128 span = step > 0 ? __int128{stop} - start : __int128{start} - stop;
  const __int128 stride = step > 0 ? __int128{step} : -__int128{step};
  const __int128 count = span <= 0 ? 0 : (span + stride - 1) / stride;
  if (count > kMostInRange) {
    throw Fault(FaultKind::kLimit, "makes a range of more than " + std::to_string(kMostInRange) + " numbers");
  }
  count_ = static_cast<int64_t>(count);
}

bool Range::equals(const Object& other) const {
  const auto* range = dynamic_cast<const Range*>(&other);
  if (range == nullptr || range->count_ != count_) return false;
  return count_ == 0 || (range->start_ == start_ && (count_ == 1 || range->step_ == step_));
}

std::string Range::repr(Budget&) const {
  const std::string step = step_ == 1 ? "" : ", " + std::to_string(step_);
  return "range(" + std::to_string(start_) + ", " + std::to_string(stop_) + step + ")";
}

std::string DictView::type_name() const {
  return part_ == Part::kKeys ? "dict_keys" : part_ == Part::kValues ? "dict_values" : "dict_items";
}

Value DictView::at(int64_t index, Budget& budget) const {
  const auto& [key, value] = dict_.dict().items()[index];
  return part_ == Part::kKeys ? key : part_ == Part::kValues ? value : Value::tuple({key, value}, budget);
}

std::string DictView::repr(Budget& budget) const {
  Values items;
  for (int64_t i = 0; i < *size(); ++i) items.push_back(at(i, budget));
  return type_name() + "(" + repr_of(Value::list(std::move(items), budget), budget) + ")";
}

Value make_generator(Cursor next, const Values& held) {
  Extent extent;
  for (const Value& value : held) {
    extent.nesting = std::max(extent.nesting, value.extent().nesting);
    extent.weight += value.weight();
  }
  if (++extent.nesting > kMostNesting) {
    throw Fault(FaultKind::kLimit,
                "puts generators more than " + std::to_string(kMostNesting) + " levels deep into each other");
  }
  return Value(std::make_shared<Generator>(std::move(next), extent));
}

std::string Namespace::repr(Budget& budget) const {
  const Budget::Level level(budget);  // it may hold itself
  return "<Namespace " + repr_of(attributes_, budget) + ">";
}

}  // namespace reel::models::jinja
