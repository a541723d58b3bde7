#include "models/text/jinja/filters/list_filters.h"

#include <algorithm>
#include <cmath>

#include "models/files/utf8.h"
#include "models/text/jinja/library/arithmetic.h"
#include "models/text/jinja/library/attribute_path.h"
#include "models/text/jinja/values/comparison.h"
#include "models/text/jinja/values/python_text.h"

namespace reel::models::jinja {

namespace {

Value length(Machine&, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("length", arguments, {});
  return Value(size_of(input));
}

Value list(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("list", arguments, {});
  return Value::list(collect(input, machine.budget), machine.budget);
}

Value first(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("first", arguments, {});
  return iterate(input, machine.budget)().value_or(Value::undefined("No first item, sequence was empty."));
}

// What Python's reversed takes.
bool is_reversible(const Value& value) {
  return value.is_sequence() || value.is_string() || value.is(Value::Kind::kDict) || value.is_undefined() ||
         value.as<Range>() || value.as<DictView>();
}

Value last(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("last", arguments, {});
  if (!is_reversible(input)) {
    throw Fault(FaultKind::kType, "asks for the last item of a '" + input.type_name() + "', which has none");
  }
  Values items = collect(input, machine.budget);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value reverse(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("reverse", arguments, {});
  if (input.is_string()) {
    std::u32string points = from_utf8(input.text());
    machine.budget.make(input.text().size());
    std::reverse(points.begin(), points.end());
    return Value(to_utf8(points), input.safe());
  }
  Values items = collect(input, machine.budget);
  std::reverse(items.begin(), items.end());
  Value turned = Value::list(std::move(items), machine.budget);
  // An iterator, which is gone through once; a list only of what cannot be gone through from its end.
  if (!is_reversible(input)) return turned;
  return make_generator(iterate(turned, machine.budget), {turned});
}

// Sorts by keys that are made once; stable, as Python's sorted is.
Values sorted(Values items, const Values& keys, bool descending, Machine& machine) {
  uint64_t weight = 0;
  for (const Value& key : keys) weight += key.weight();
  machine.budget.step(weight * (static_cast<uint64_t>(std::log2(static_cast<double>(items.size() + 1))) + 1));
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return descending ? less(keys[b], keys[a]) : less(keys[a], keys[b]);
  });
  Values result;
  for (const size_t index : order) result.push_back(items[index]);
  return result;
}

Value sort(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<AttributePath> paths;
  const Value attribute = bound.get(2, Value());
  if (attribute.is_string()) {
    for (const std::string& path : split_text(attribute.text(), ",", 1'000)) paths.emplace_back(Value(path));
  } else {
    paths.emplace_back(attribute);
  }
  Values items = collect(input, machine.budget);
  Values keys;
  for (const Value& item : items) {
    Values parts;
    for (const AttributePath& path : paths) {
      const Value part = path.of(item, machine);
      parts.push_back(bound.flag(1) ? part : without_case(part, machine));
    }
    keys.push_back(Value::list(std::move(parts), machine.budget));
  }
  return Value::list(sorted(std::move(items), keys, bound.number_flag(0), machine), machine.budget);
}

Value sort_dict(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  if (input.is_undefined()) input.fail_undefined();
  const std::string by = bound.text(1).value_or("key");
  if (by != "key" && by != "value") {
    throw Fault(FaultKind::kType, "sorts a dict by '" + by + "'; it can be 'key' or 'value'");
  }
  if (!input.is(Value::Kind::kDict)) {
    throw Fault(FaultKind::kType, "sorts a '" + input.type_name() + "' as a dict, which it is not");
  }
  Values items, keys;
  for (const auto& [key, value] : input.dict().items()) {
    items.push_back(Value::tuple({key, value}, machine.budget));
    const Value& part = by == "key" ? key : value;
    keys.push_back(bound.flag(0) ? part : without_case(part, machine));
  }
  return Value::list(sorted(std::move(items), keys, bound.number_flag(2), machine), machine.budget);
}

// min and max.
template <bool largest>
Value extreme(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound(largest ? "max" : "min", arguments, {"case_sensitive", "attribute"});
  const AttributePath path(bound.get(1, Value()));
  std::optional<Value> best, best_key;
  Cursor next = iterate(input, machine.budget);
  while (const std::optional<Value> item = next()) {
    const Value part = path.of(*item, machine);
    const Value key = bound.flag(0) ? part : without_case(part, machine);
    machine.budget.step(key.weight());
    if (!best || (largest ? less(*best_key, key) : less(key, *best_key))) {
      best = item;
      best_key = key;
    }
  }
  return best.value_or(Value::undefined("No aggregated item, sequence was empty."));
}

Value sum(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("sum", arguments, {"attribute", "start"});
  const AttributePath path(bound.get(0, Value()));
  Value total = bound.get(1, Value(int64_t{0}));
  if (total.is_string()) throw Fault(FaultKind::kType, "sums texts; 'join' puts them together");
  Cursor next = iterate(input, machine.budget);
  while (const std::optional<Value> item = next()) {
    total = calculate(Arithmetic::kAdd, total, path.of(*item, machine), machine);
  }
  return total;
}

Value unique(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("unique", arguments, {"case_sensitive", "attribute"});
  const AttributePath path(bound.get(1, Value()));
  const bool case_sensitive = bound.flag(0);
  auto seen = std::make_shared<Dict>();
  Cursor source = is_iterable(input) ? iterate(input, machine.budget) : Cursor();
  const std::string type = input.type_name();
  return make_generator(
      [=, &machine]() mutable -> std::optional<Value> {
        if (!source) throw Fault(FaultKind::kType, "goes through a '" + type + "', which has no elements");
        while (std::optional<Value> item = source()) {
          const Value part = path.of(*item, machine);
          const Value key = case_sensitive ? part : without_case(part, machine);
          machine.budget.step(key.weight());
          machine.budget.make(4 * sizeof(Value));
          if (seen->find(key) != nullptr) continue;
          seen->set(key, Value());
          return item;
        }
        return std::nullopt;
      },
      {input});
}

Value items(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments none("items", arguments, {});
  if (!input.is(Value::Kind::kDict) && !input.is_undefined()) {
    return make_generator(
        []() -> std::optional<Value> {
          throw Fault(FaultKind::kType, "takes 'items' of something that is no dict");
        },
        {});
  }
  if (input.is_undefined()) return make_generator([] { return std::nullopt; }, {});
  const Value view(std::make_shared<DictView>(input, DictView::Part::kItems));
  return make_generator(iterate(view, machine.budget), {view});
}

Value batch(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("batch", arguments, {"linecount", "fill_with"}, 1);
  const int64_t count = bound.integer(0, 0);
  const Value fill = bound.get(1, Value());
  const Values all = collect(input, machine.budget);
  Values rows, row;
  const auto flush = [&] {
    rows.push_back(Value::list(std::move(row), machine.budget));
    row.clear();
  };
  for (const Value& item : all) {
    if (static_cast<int64_t>(row.size()) == count) flush();
    row.push_back(item);
  }
  if (!row.empty()) {
    if (!fill.is_none() && count > static_cast<int64_t>(row.size())) {
      machine.budget.make(static_cast<uint64_t>(count) * sizeof(Value));
      row.resize(static_cast<size_t>(count), fill);
    }
    flush();
  }
  const Value made = Value::list(std::move(rows), machine.budget);
  return make_generator(iterate(made, machine.budget), {made});
}

Value slice(Machine& machine, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("slice", arguments, {"slices", "fill_with"}, 1);
  const int64_t slices = bound.integer(0, 0);
  if (slices == 0) throw Fault(FaultKind::kType, "divides by zero");
  const Value fill = bound.get(1, Value());
  const Values all = collect(input, machine.budget);
  const auto count = static_cast<int64_t>(all.size());
  machine.budget.make(static_cast<uint64_t>(std::max<int64_t>(slices, 0)) * 2 * sizeof(Value));
  Values rows;
  int64_t at = 0;
  for (int64_t i = 0; i < slices; ++i) {
    const bool longer = i < count % slices;
    const int64_t size = count / slices + longer;
    Values row(all.begin() + at, all.begin() + at + size);
    at += size;
    if (!fill.is_none() && !longer) row.push_back(fill);
    rows.push_back(Value::list(std::move(row), machine.budget));
  }
  const Value made = Value::list(std::move(rows), machine.budget);
  return make_generator(iterate(made, machine.budget), {made});
}

Value or_default(Machine&, const Value& input, const CallArguments& arguments) {
  const BoundArguments bound("default", arguments, {"default_value", "boolean"});
  const bool absent = input.is_undefined() || (bound.flag(1) && !truth(input));
  return absent ? bound.get(0, Value(std::string())) : input;
}

}  // namespace

std::vector<FilterEntry> list_filters() {
  return {{"batch", batch},        {"count", length}, {"d", or_default},      {"default", or_default},
          {"dictsort", sort_dict}, {"first", first},  {"items", items},       {"last", last},
          {"length", length},      {"list", list},    {"max", extreme<true>}, {"min", extreme<false>},
          {"reverse", reverse},    {"slice", slice},  {"sort", sort},         {"sum", sum},
          {"unique", unique}};
}

}  // namespace reel::models::jinja
