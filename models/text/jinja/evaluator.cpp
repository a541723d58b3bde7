#include "models/text/jinja/evaluator.h"

#include "models/text/jinja/filters/filters.h"
#include "models/text/jinja/library/arithmetic.h"
#include "models/text/jinja/library/lookup.h"
#include "models/text/jinja/library/value_tests.h"
#include "models/text/jinja/values/comparison.h"

namespace reel::models::jinja {

namespace {

using ExpressionKind = Expression::Kind;

Value compared(const Expression& expression, Machine& machine, Activation& activation) {
  Value left = evaluate(*expression.parts[0], machine, activation);
  for (size_t i = 0; i < expression.comparisons.size(); ++i) {
    Value right = evaluate(*expression.parts[i + 1], machine, activation);
    if (!compare(expression.comparisons[i], left, right, machine.budget)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value made_dict(const Expression& expression, Machine& machine, Activation& activation) {
  Dict dict;
  for (size_t i = 0; i < expression.parts.size(); i += 2) {
    Value key = evaluate(*expression.parts[i], machine, activation);
    Value value = evaluate(*expression.parts[i + 1], machine, activation);
    machine.budget.step(key.weight());
    dict.set(std::move(key), std::move(value));
  }
  return Value::dict(std::move(dict), machine.budget);
}

Values evaluated(const Expressions& parts, Machine& machine, Activation& activation) {
  Values values;
  for (const ExpressionPtr& part : parts) values.push_back(evaluate(*part, machine, activation));
  return values;
}

Value sliced(const Expression& expression, Machine& machine, Activation& activation) {
  const Value object = evaluate(*expression.parts[0], machine, activation);
  std::optional<Value> bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    if (expression.parts[i + 1]) bounds[i] = evaluate(*expression.parts[i + 1], machine, activation);
  }
  const auto bound = [&](size_t i) { return bounds[i] ? &*bounds[i] : nullptr; };
  return slice_of(object, bound(0), bound(1), bound(2), machine);
}

Value chosen_value(const Expression& expression, Machine& machine, Activation& activation) {
  if (truth(evaluate(*expression.parts[1], machine, activation))) {
    return evaluate(*expression.parts[0], machine, activation);
  }
  if (expression.parts[2]) return evaluate(*expression.parts[2], machine, activation);
  return Value::undefined("the inline if-expression on line " + std::to_string(expression.line) +
                          " evaluated to false and no else section was defined.");
}

}  // namespace

std::optional<Value>& variable(const Place& place, Activation& activation) {
  Activation* function = &activation;
  for (int i = 0; i < place.functions_out; ++i) function = function->outer;
  return function->slots[static_cast<size_t>(place.slot)];
}

CallArguments evaluate(const Arguments& arguments, Machine& machine, Activation& activation) {
  CallArguments values;
  values.positional = evaluated(arguments.positional, machine, activation);
  for (const auto& [name, expression] : arguments.named) {
    values.named.emplace_back(name, evaluate(*expression, machine, activation));
  }
  if (arguments.all_positional) {
    for (Value& value : collect(evaluate(*arguments.all_positional, machine, activation), machine.budget)) {
      values.positional.push_back(std::move(value));
    }
  }
  if (arguments.all_named) {
    const Value all = evaluate(*arguments.all_named, machine, activation);
    if (!all.is(Value::Kind::kDict))
      throw Fault(FaultKind::kType, "passes something behind '**' that is no dict");
    for (const auto& [key, value] : all.dict().items()) {
      if (!key.is_string())
        throw Fault(FaultKind::kType, "passes a dict behind '**' whose keys are not all texts");
      machine.budget.step(values.named.size());
      for (const auto& [name, other] : values.named) {
        if (name == key.text()) throw Fault(FaultKind::kType, "gives the argument '" + name + "' twice");
      }
      values.named.emplace_back(key.text(), value);
    }
  }
  return values;
}

Value call_value(const Value& callee, const CallArguments& arguments, Machine& machine) {
  if (callee.is_undefined()) callee.fail_undefined();
  const auto callable = callee.as<Callable>();
  if (!callable) throw Fault(FaultKind::kType, "calls a '" + callee.type_name() + "', which is no function");
  const Budget::Level level(machine.budget);
  return callable->call(machine, arguments);
}

Value apply_filters(const Expression& filter, const Value& input, Machine& machine, Activation& activation) {
  const Budget::Level level(machine.budget);
  const Value value = filter.parts[0] ? apply_filters(*filter.parts[0], input, machine, activation) : input;
  const CallArguments arguments = evaluate(filter.arguments, machine, activation);
  machine.line = filter.line;
  return filter.filter->apply(machine, value, arguments);
}

Value evaluate(const Expression& expression, Machine& machine, Activation& activation) {
  const Budget::Level level(machine.budget);
  machine.budget.step();
  machine.line = expression.line;
  const auto part = [&](size_t index) { return evaluate(*expression.parts[index], machine, activation); };
  switch (expression.kind) {
    case ExpressionKind::kConstant:
      return expression.value;
    case ExpressionKind::kName: {
      const std::optional<Value>& value = variable(expression.place, activation);
      return value ? *value : Value::undefined("'" + expression.name + "' is undefined");
    }
    case ExpressionKind::kSpaceName:
      throw Fault(FaultKind::kSyntax, "reads a target of 'set'");
    case ExpressionKind::kList:
      return Value::list(evaluated(expression.parts, machine, activation), machine.budget);
    case ExpressionKind::kTuple:
      return Value::tuple(evaluated(expression.parts, machine, activation), machine.budget);
    case ExpressionKind::kDict:
      return made_dict(expression, machine, activation);
    case ExpressionKind::kAttribute:
      return attribute_of(part(0), expression.name, machine);
    case ExpressionKind::kItem: {
      const Value object = part(0), key = part(1);
      return item_of(object, key, machine);
    }
    case ExpressionKind::kSlice:
      return sliced(expression, machine, activation);
    case ExpressionKind::kCall: {
      const Value callee = part(0);
      const CallArguments arguments = evaluate(expression.arguments, machine, activation);
      machine.line = expression.line;
      return call_value(callee, arguments, machine);
    }
    case ExpressionKind::kFilter: {
      const Value input = part(0);
      const CallArguments arguments = evaluate(expression.arguments, machine, activation);
      machine.line = expression.line;
      return expression.filter->apply(machine, input, arguments);
    }
    case ExpressionKind::kTest: {
      const Value input = part(0);
      const CallArguments arguments = evaluate(expression.arguments, machine, activation);
      return Value(expression.test->passes(machine, input, arguments));
    }
    case ExpressionKind::kNot:
      return Value(!truth(part(0)));
    case ExpressionKind::kMinus:
    case ExpressionKind::kPlus:
      return with_sign(part(0), expression.kind == ExpressionKind::kMinus);
    case ExpressionKind::kArithmetic: {
      const Value left = part(0), right = part(1);
      machine.line = expression.line;
      return calculate(expression.arithmetic, left, right, machine);
    }
    case ExpressionKind::kConcat:
      return concatenated(evaluated(expression.parts, machine, activation), machine);
    case ExpressionKind::kCompare:
      return compared(expression, machine, activation);
    case ExpressionKind::kAnd: {
      Value left = part(0);
      return truth(left) ? part(1) : left;
    }
    case ExpressionKind::kOr: {
      Value left = part(0);
      return truth(left) ? left : part(1);
    }
    case ExpressionKind::kChoice:
      return chosen_value(expression, machine, activation);
  }
  return {};
}

}  // namespace reel::models::jinja
