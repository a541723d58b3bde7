// Above 300 lines because each statement is a function that calls the others.
#include "models/text/jinja/executor.h"

#include "models/text/jinja/evaluator.h"
#include "models/text/jinja/library/global_functions.h"
#include "models/text/jinja/library/loop.h"
#include "models/text/jinja/values/comparison.h"
#include "models/text/jinja/values/value_text.h"

namespace reel::models::jinja {

namespace {

using StatementKind = Statement::Kind;
enum class Flow { kOn, kBreak, kContinue };

Flow run_body(const Body& body, Machine& machine, Activation& activation, std::string& text);

void enter(const Scope& scope, Machine& machine, Activation& activation) {
  for (const Load& load : scope.loads) {
    std::optional<Value>& slot = activation.slots[static_cast<size_t>(load.slot)];
    switch (load.kind) {
      case Load::Kind::kUnset:
        slot.reset();
        break;
      case Load::Kind::kFromOuter:
        slot = variable(load.outer, activation);
        break;
      case Load::Kind::kFromContext: {
        const Value* given = machine.variables.find(load.name);
        slot = given != nullptr ? std::optional(*given) : global_function(load.name);
        break;
      }
    }
  }
}

void leave(const Scope& scope, Activation& activation) {
  for (const int slot : scope.slots) activation.slots[static_cast<size_t>(slot)].reset();
}

std::shared_ptr<Namespace> space_of(const Expression& target, Activation& activation) {
  const std::optional<Value>& value = variable(target.place, activation);
  auto space = value ? value->as<Namespace>() : nullptr;
  if (!space) {
    throw Fault(FaultKind::kType, "sets '" + target.name + "." + target.attribute + "', and '" + target.name +
                                      "' is no namespace");
  }
  return space;
}

// Every namespace that `set` names must be one, before anything is computed.
void check_spaces(const Expression& target, Activation& activation) {
  if (target.kind == Expression::Kind::kSpaceName) space_of(target, activation);
  for (const ExpressionPtr& part : target.parts) check_spaces(*part, activation);
}

void assign(const Expression& target, Value value, Machine& machine, Activation& activation) {
  if (target.kind == Expression::Kind::kName) {
    variable(target.place, activation) = std::move(value);
  } else if (target.kind == Expression::Kind::kSpaceName) {
    if (target.attribute.starts_with("_")) {
      throw Fault(FaultKind::kUnsafe, "gives a namespace an attribute that begins with '_'");
    }
    space_of(target, activation)->set(Value(target.attribute), std::move(value));
  } else {
    if (value.is_undefined() || is_iterable(value)) {
      Values items = collect(value, machine.budget);
      if (items.size() != target.parts.size()) {
        throw Fault(FaultKind::kType, "assigns " + std::to_string(items.size()) + " values to " +
                                          std::to_string(target.parts.size()) + " names");
      }
      for (size_t i = 0; i < items.size(); ++i)
        assign(*target.parts[i], std::move(items[i]), machine, activation);
      return;
    }
    throw Fault(FaultKind::kType, "assigns a '" + value.type_name() + "' to several names");
  }
}

// A macro, or the body of a call as its `caller`.
class Macro : public Callable {
 public:
  Macro(const Function& function, Activation& around) : function_(function), around_(around) {}
  std::string type_name() const override { return "Macro"; }
  std::string repr(Budget&) const override {
    return "<Macro " + (function_.name.empty() ? "anonymous" : "'" + function_.name + "'") + ">";
  }

  Value call(Machine& machine, const CallArguments& arguments) override {
    machine.budget.make(sizeof(Activation) + static_cast<uint64_t>(function_.slot_count) * sizeof(Value));
    auto own = std::make_unique<Activation>(function_.slot_count, &around_);
    Activation& activation = *own;
    if (function_.holds_functions) machine.kept.push_back(std::move(own));
    pass(arguments, machine, activation);
    enter(function_.scope, machine, activation);
    const size_t without_default = function_.parameters.size() - function_.defaults.size();
    for (size_t i = 0; i < function_.parameters.size(); ++i) {
      std::optional<Value>& slot = activation.slots[static_cast<size_t>(function_.slots[i])];
      if (slot) continue;
      Value value = i < without_default
                        ? Value::undefined("parameter '" + function_.parameters[i] + "' was not provided")
                        : evaluate(*function_.defaults[i - without_default], machine, activation);
      activation.slots[static_cast<size_t>(function_.slots[i])] = std::move(value);
    }
    std::string text;
    run_body(function_.body, machine, activation, text);
    return Value(std::move(text));
  }

 private:
  // As Jinja's Macro takes its arguments: by place, then by name; the rest to `kwargs` and `varargs`, if it uses them.
  void pass(const CallArguments& arguments, Machine& machine, Activation& activation) const {
    const auto slot = [&](int index) -> std::optional<Value>& {
      return activation.slots[static_cast<size_t>(index)];
    };
    auto named = arguments.named;
    const auto take_named = [&](const std::string& name) -> std::optional<Value> {
      for (auto item = named.begin(); item != named.end(); ++item) {
        if (item->first != name) continue;
        Value value = std::move(item->second);
        named.erase(item);
        return value;
      }
      return std::nullopt;
    };
    for (size_t i = 0; i < function_.parameters.size(); ++i) {
      slot(function_.slots[i]) = i < arguments.positional.size() ? std::optional(arguments.positional[i])
                                                                 : take_named(function_.parameters[i]);
    }
    if (function_.caller_slot >= 0) {
      const std::optional<Value> caller = take_named("caller");
      slot(function_.caller_slot) =
          caller && !caller->is_none() ? *caller : Value::undefined("No caller defined");
    }
    const std::string shown = function_.name.empty() ? "caller" : function_.name;
    if (function_.named_slot >= 0) {
      Dict rest;
      for (const auto& [name, value] : named) rest.set(name, value);
      slot(function_.named_slot) = Value::dict(std::move(rest), machine.budget);
    } else if (!named.empty()) {
      throw Fault(FaultKind::kType, "gives the macro '" + shown + "' the argument '" + named.front().first +
                                        "', which it does not take");
    }
    const size_t taken = std::min(arguments.positional.size(), function_.parameters.size());
    if (function_.rest_slot >= 0) {
      slot(function_.rest_slot) =
          Value::tuple(Values(arguments.positional.begin() + static_cast<std::ptrdiff_t>(taken),
                              arguments.positional.end()),
                       machine.budget);
    } else if (arguments.positional.size() > taken) {
      throw Fault(FaultKind::kType, "gives the macro '" + shown + "' more arguments than it takes");
    }
  }

  const Function& function_;
  Activation& around_;
};

// A loop that looks at one element after the other, with the variables of its filter in the same function.
Cursor filtered(const Statement& loop, Cursor source, Machine& machine, Activation& activation) {
  return [&loop, &machine, &activation, source = std::move(source),
          entered = false]() mutable -> std::optional<Value> {
    if (!entered) enter(loop.filter_scope, machine, activation);
    entered = true;
    while (std::optional<Value> item = source()) {
      assign(*loop.filter_target, *item, machine, activation);
      if (truth(evaluate(*loop.filter, machine, activation))) return item;
    }
    return std::nullopt;
  };
}

void put(const std::string& more, Machine& machine, std::string& text) {
  machine.budget.make(more.size());
  if (text.size() + more.size() > machine.budget.limits().output_bytes) {
    throw Fault(FaultKind::kLimit,
                "writes more than " + std::to_string(machine.budget.limits().output_bytes >> 20) + " MiB");
  }
  text += more;
}

Flow run_loop(const Statement& loop, Machine& machine, Activation& activation, std::string& text) {
  Value source = evaluate(*loop.source, machine, activation);
  Cursor next = iterate(source, machine.budget);
  if (loop.filter) next = filtered(loop, std::move(next), machine, activation);
  std::shared_ptr<Loop> about;
  if (loop.loop_slot >= 0)
    about = std::make_shared<Loop>(source, std::move(next), loop.filter == nullptr, machine);
  // As in Jinja, an iteration that `continue` or `break` ends early does not count as one that ran.
  bool ran = false;
  while (std::optional<Value> item = about ? about->advance() : next()) {
    machine.budget.step();
    assign(*loop.target, std::move(*item), machine, activation);
    if (about) activation.slots[static_cast<size_t>(loop.loop_slot)] = Value(std::shared_ptr<Object>(about));
    enter(loop.scope, machine, activation);
    const Flow flow = run_body(loop.body, machine, activation, text);
    if (flow == Flow::kBreak) break;
    ran |= flow == Flow::kOn;
  }
  if (about) about->finish();
  leave(loop.scope, activation);
  if (ran || loop.otherwise.empty()) return Flow::kOn;
  enter(loop.otherwise_scope, machine, activation);
  const Flow flow = run_body(loop.otherwise, machine, activation, text);
  leave(loop.otherwise_scope, activation);
  return flow;
}

Flow run_set_block(const Statement& statement, Machine& machine, Activation& activation) {
  enter(statement.scope, machine, activation);
  std::string inner;
  const Flow flow = run_body(statement.body, machine, activation, inner);
  if (flow != Flow::kOn) return flow;
  Value value(std::move(inner));
  if (statement.filter) value = apply_filters(*statement.filter, value, machine, activation);
  check_spaces(*statement.target, activation);
  assign(*statement.target, std::move(value), machine, activation);
  leave(statement.scope, activation);
  return Flow::kOn;
}

void run_call_block(const Statement& statement, Machine& machine, Activation& activation, std::string& text) {
  const auto caller = std::make_shared<Macro>(*statement.function, activation);
  if (!statement.source) return put(call_value(Value(caller), {}, machine).text(), machine, text);
  const Expression& call = *statement.source;
  const Value callee = evaluate(*call.parts[0], machine, activation);
  CallArguments arguments = evaluate(call.arguments, machine, activation);
  arguments.named.emplace_back("caller", Value(std::shared_ptr<Object>(caller)));
  machine.line = call.line;
  put(text_of(call_value(callee, arguments, machine), machine.budget), machine, text);
}

Flow run_statement(const Statement& statement, Machine& machine, Activation& activation, std::string& text) {
  machine.line = statement.line;
  switch (statement.kind) {
    case StatementKind::kText:
      put(statement.text, machine, text);
      return Flow::kOn;
    case StatementKind::kOutput:
      for (const ExpressionPtr& expression : statement.expressions) {
        put(text_of(evaluate(*expression, machine, activation), machine.budget), machine, text);
      }
      return Flow::kOn;
    case StatementKind::kIf:
      for (const auto& [condition, body] : statement.branches) {
        if (!condition || truth(evaluate(*condition, machine, activation))) {
          return run_body(body, machine, activation, text);
        }
      }
      return Flow::kOn;
    case StatementKind::kFor:
      return run_loop(statement, machine, activation, text);
    case StatementKind::kSet:
      check_spaces(*statement.target, activation);
      assign(*statement.target, evaluate(*statement.source, machine, activation), machine, activation);
      return Flow::kOn;
    case StatementKind::kSetBlock:
      return run_set_block(statement, machine, activation);
    case StatementKind::kMacro:
      variable(statement.place, activation) =
          Value(std::shared_ptr<Object>(std::make_shared<Macro>(*statement.function, activation)));
      return Flow::kOn;
    case StatementKind::kCallBlock:
      run_call_block(statement, machine, activation, text);
      return Flow::kOn;
    case StatementKind::kFilterBlock: {
      enter(statement.scope, machine, activation);
      std::string inner;
      const Flow flow = run_body(statement.body, machine, activation, inner);
      if (flow != Flow::kOn) return flow;
      put(text_of(apply_filters(*statement.filter, Value(std::move(inner)), machine, activation),
                  machine.budget),
          machine, text);
      leave(statement.scope, activation);
      return Flow::kOn;
    }
    case StatementKind::kWith: {
      enter(statement.scope, machine, activation);
      for (size_t i = 0; i < statement.expressions.size(); i += 2) {
        assign(*statement.expressions[i], evaluate(*statement.expressions[i + 1], machine, activation),
               machine, activation);
      }
      const Flow flow = run_body(statement.body, machine, activation, text);
      if (flow == Flow::kOn) leave(statement.scope, activation);
      return flow;
    }
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kOn;
}

Flow run_body(const Body& body, Machine& machine, Activation& activation, std::string& text) {
  const Budget::Level level(machine.budget);
  for (const StatementPtr& statement : body) {
    machine.budget.step();
    const Flow flow = run_statement(*statement, machine, activation, text);
    if (flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

}  // namespace

void execute(const Tree& tree, Machine& machine, std::string& text) {
  machine.kept.push_back(std::make_unique<Activation>(tree.slot_count, nullptr));
  Activation& activation = *machine.kept.back();
  enter(tree.scope, machine, activation);
  run_body(tree.body, machine, activation, text);
}

}  // namespace reel::models::jinja
