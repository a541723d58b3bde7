#include "models/text/jinja/filters/selection_filters.h"

#include "models/text/jinja/library/attribute_path.h"
#include "models/text/jinja/library/value_tests.h"
#include "models/text/jinja/values/comparison.h"

namespace reel::models::jinja {

namespace {

// All that a generator holds, so that it counts.
Values held_values(const Value& input, const CallArguments& arguments) {
  Values held = {input};
  held.insert(held.end(), arguments.positional.begin(), arguments.positional.end());
  for (const auto& [name, value] : arguments.named) held.push_back(value);
  return held;
}

// A generator that hands each element to `take`, which gives what becomes of it, or none to leave it out. Nothing is
// looked at, arguments neither, before the first element is asked for; and nothing at all if the input is false.
template <class Prepare>
Value generated(Machine& machine, const Value& input, const CallArguments& arguments, Prepare prepare) {
  using Take = std::function<std::optional<Value>(const Value&)>;
  struct State {
    Cursor next;
    Take take;
  };
  auto state = std::make_shared<State>();
  return make_generator(
      [=, &machine]() -> std::optional<Value> {
        if (!state->next) {
          if (!truth(input)) return std::nullopt;
          state->take = prepare();
          state->next = iterate(input, machine.budget);
        }
        while (std::optional<Value> item = state->next()) {
          if (std::optional<Value> taken = state->take(*item)) return taken;
        }
        return std::nullopt;
      },
      held_values(input, arguments));
}

std::string name_of(const Value& value, const char* what) {
  if (value.is_string()) return value.text();
  throw Fault(FaultKind::kType, std::string("names a ") + what + " by a '" + value.type_name() + "'");
}

Value map(Machine& machine, const Value& input, const CallArguments& arguments) {
  return generated(
      machine, input, arguments,
      [&machine, arguments]() -> std::function<std::optional<Value>(const Value&)> {
        const bool by_attribute = arguments.positional.empty() && !arguments.named.empty();
        if (by_attribute) {
          const BoundArguments bound("map", arguments, {"attribute", "default"});
          if (bound.find(0) == nullptr)
            throw Fault(FaultKind::kType, "gives 'map' neither a filter nor an attribute");
          const Value* otherwise = bound.find(1);
          const bool given = otherwise != nullptr && !otherwise->is_none();
          const AttributePath path(*bound.find(0), given ? std::optional(*otherwise) : std::nullopt);
          return [=, &machine](const Value& item) { return std::optional(path.of(item, machine)); };
        }
        if (arguments.positional.empty())
          throw Fault(FaultKind::kType, "gives 'map' neither a filter nor an attribute");
        const std::string name = name_of(arguments.positional[0], "filter");
        const FilterEntry* filter = find_filter(name);
        if (filter == nullptr)
          throw Fault(FaultKind::kUnsupported, "maps by the filter '" + name + "', which is not known");
        CallArguments rest = arguments;
        rest.positional.erase(rest.positional.begin());
        return [=, &machine](const Value& item) {
          const Budget::Level level(machine.budget);
          return std::optional(filter->apply(machine, item, rest));
        };
      });
}

template <bool keep, bool by_attribute>
Value chosen(Machine& machine, const Value& input, const CallArguments& arguments) {
  return generated(
      machine, input, arguments,
      [&machine, arguments]() -> std::function<std::optional<Value>(const Value&)> {
        if (by_attribute && arguments.positional.empty()) {
          throw Fault(FaultKind::kType, "gives 'selectattr' or 'rejectattr' no attribute");
        }
        const AttributePath path(by_attribute ? arguments.positional[0] : Value());
        const size_t taken = by_attribute;
        if (arguments.positional.size() <= taken) {
          return [=, &machine](const Value& item) {
            return truth(path.of(item, machine)) == keep ? std::optional(item) : std::nullopt;
          };
        }
        const std::string name = name_of(arguments.positional[taken], "test");
        const TestEntry* test = find_test(name);
        if (test == nullptr)
          throw Fault(FaultKind::kUnsupported, "selects by the test '" + name + "', which is not known");
        CallArguments rest = arguments;
        rest.positional.erase(rest.positional.begin(), rest.positional.begin() + taken + 1);
        return [=, &machine](const Value& item) {
          return test->passes(machine, path.of(item, machine), rest) == keep ? std::optional(item)
                                                                             : std::nullopt;
        };
      });
}

}  // namespace

std::vector<FilterEntry> selection_filters() {
  return {{"map", map},
          {"select", chosen<true, false>},
          {"reject", chosen<false, false>},
          {"selectattr", chosen<true, true>},
          {"rejectattr", chosen<false, true>}};
}

}  // namespace reel::models::jinja
