// Above 300 lines: scopes are looked at three times, and all of it must say the same of each statement.
#include "models/text/jinja/syntax/name_resolution.h"

#include <algorithm>
#include <deque>

#include "models/text/jinja/syntax/scope_symbols.h"

namespace reel::models::jinja {

namespace {

using ExpressionKind = Expression::Kind;

// Calls `visit` on each part of an expression.
template <class Visit>
void for_each_part(Expression& expression, Visit visit) {
  const auto part = [&](ExpressionPtr& child) {
    if (child) visit(*child);
  };
  for (ExpressionPtr& child : expression.parts) part(child);
  for (ExpressionPtr& child : expression.arguments.positional) part(child);
  for (auto& [name, child] : expression.arguments.named) part(child);
  part(expression.arguments.all_positional);
  part(expression.arguments.all_named);
}

// Names that an expression reads.
void load_names(Expression& expression, ScopeSymbols& symbols) {
  if (expression.kind == ExpressionKind::kName || expression.kind == ExpressionKind::kSpaceName)
    symbols.load(expression.name);
  for_each_part(expression, [&](Expression& part) { load_names(part, symbols); });
}
void load_names(ExpressionPtr& expression, ScopeSymbols& symbols) {
  if (expression) load_names(*expression, symbols);
}

// Names that a target assigns.
void store_names(Expression& target, ScopeSymbols& symbols, bool as_parameters) {
  if (target.kind == ExpressionKind::kSpaceName) {
    symbols.load(target.name);
  } else if (target.kind == ExpressionKind::kName && as_parameters) {
    symbols.parameter(target.name);
  } else if (target.kind == ExpressionKind::kName) {
    symbols.store(target.name);
  }
  for_each_part(target, [&](Expression& part) { store_names(part, symbols, as_parameters); });
}

void see_body(Body& body, ScopeSymbols& symbols);

// `if`: each branch by itself. All `elif` together are one branch of the `if`, and each is an `if` in it.
void see_branches(Statement& statement, ScopeSymbols& symbols) {
  auto& branches = statement.branches;
  load_names(branches[0].first, symbols);
  ScopeSymbols first = symbols, others = symbols, last = symbols;
  see_body(branches[0].second, first);
  for (size_t i = 1; i < branches.size(); ++i) {
    if (!branches[i].first) {
      see_body(branches[i].second, last);
      continue;
    }
    load_names(branches[i].first, others);
    ScopeSymbols inner = others;
    see_body(branches[i].second, inner);
    others.join({inner});
  }
  symbols.join({first, others, last});
}

// What a scope's own statements do to its names; scopes inside are not looked into.
void see_statement(Statement& statement, ScopeSymbols& symbols) {
  switch (statement.kind) {
    case Statement::Kind::kOutput:
      for (ExpressionPtr& expression : statement.expressions) load_names(expression, symbols);
      break;
    case Statement::Kind::kIf:
      see_branches(statement, symbols);
      break;
    case Statement::Kind::kFor:
    case Statement::Kind::kCallBlock:
      load_names(statement.source, symbols);
      break;
    case Statement::Kind::kSet:
      load_names(statement.source, symbols);
      store_names(*statement.target, symbols, false);
      break;
    case Statement::Kind::kSetBlock:
      store_names(*statement.target, symbols, false);
      break;
    case Statement::Kind::kMacro:
      symbols.store(statement.function->name);
      break;
    case Statement::Kind::kFilterBlock:
      load_names(statement.filter, symbols);
      break;
    case Statement::Kind::kWith:
      for (size_t i = 1; i < statement.expressions.size(); i += 2)
        load_names(statement.expressions[i], symbols);
      break;
    default:
      break;
  }
}

void see_body(Body& body, ScopeSymbols& symbols) {
  for (StatementPtr& statement : body) see_statement(*statement, symbols);
}

// Which of some special names are read without being assigned before, in the order of the text.
class FreeNames {
 public:
  explicit FreeNames(std::set<std::string> names) : names_(std::move(names)) {}

  void look(Body& body) {
    for (StatementPtr& statement : body) look(*statement);
  }
  bool found(const std::string& name) const { return free_.contains(name); }

 private:
  void look(ExpressionPtr& expression) {
    if (expression) look(*expression);
  }
  void look(Expression& expression) {
    if (expression.kind == ExpressionKind::kName && names_.contains(expression.name))
      free_.insert(expression.name);
    for_each_part(expression, [&](Expression& part) { look(part); });
  }
  void assign(Expression& target) {
    if (target.kind == ExpressionKind::kName) names_.erase(target.name);
    for_each_part(target, [&](Expression& part) { assign(part); });
  }
  void look(Statement& statement) {
    if (statement.kind == Statement::Kind::kWith) {
      for (size_t i = 0; i < statement.expressions.size(); i += 2) assign(*statement.expressions[i]);
      for (size_t i = 1; i < statement.expressions.size(); i += 2) look(statement.expressions[i]);
      return look(statement.body);
    }
    if (statement.target) assign(*statement.target);
    for (ExpressionPtr& expression : statement.expressions) look(expression);
    look(statement.source);
    if (statement.kind == Statement::Kind::kSetBlock) look(statement.filter);
    for (auto& [condition, body] : statement.branches) {
      look(condition);
      look(body);
    }
    if (statement.function) {
      for (const std::string& parameter : statement.function->parameters) names_.erase(parameter);
      for (ExpressionPtr& value : statement.function->defaults) look(value);
      look(statement.function->body);
    }
    look(statement.body);
    look(statement.otherwise);
    if (statement.kind != Statement::Kind::kSetBlock) look(statement.filter);
  }

  std::set<std::string> names_, free_;
};

bool assigns_loop(Expression& target) {
  bool found = target.kind == ExpressionKind::kName && target.name == "loop";
  for_each_part(target, [&](Expression& part) { found |= assigns_loop(part); });
  return found;
}

bool assigns_loop(Body& body) {
  for (StatementPtr& statement : body) {
    const bool set = statement->kind == Statement::Kind::kSet ||
                     statement->kind == Statement::Kind::kSetBlock ||
                     statement->kind == Statement::Kind::kFor;
    if (set && assigns_loop(*statement->target)) return true;
    if (assigns_loop(statement->body) || assigns_loop(statement->otherwise)) return true;
    if (statement->function && assigns_loop(statement->function->body)) return true;
    for (auto& [condition, branch] : statement->branches) {
      if (assigns_loop(branch)) return true;
    }
  }
  return false;
}

ExpressionPtr copy_of(const Expression& target) {
  auto copy = std::make_unique<Expression>(target.kind, target.line);
  copy->name = target.name;
  for (const ExpressionPtr& part : target.parts) copy->parts.push_back(copy_of(*part));
  return copy;
}

class Resolver {
 public:
  void run(Tree& tree) {
    FreeNames special({"self"});
    special.look(tree.body);
    if (special.found("self")) {
      throw Fault(FaultKind::kUnsupported, "uses 'self', the blocks of the template, which is not supported");
    }
    FunctionTable table;
    ScopeSymbols symbols(&table, nullptr);
    see_body(tree.body, symbols);
    tree.scope = symbols.scope();
    resolve(tree.body, symbols);
    tree.slot_count = static_cast<int>(table.slots.size());
  }

 private:
  void resolve(Expression& expression, const ScopeSymbols& symbols) {
    if (expression.kind == ExpressionKind::kName || expression.kind == ExpressionKind::kSpaceName) {
      expression.place = symbols.place(expression.name);
    }
    for_each_part(expression, [&](Expression& part) { resolve(part, symbols); });
  }
  void resolve(ExpressionPtr& expression, const ScopeSymbols& symbols) {
    if (expression) resolve(*expression, symbols);
  }
  void resolve(Body& body, const ScopeSymbols& symbols) {
    for (StatementPtr& statement : body) resolve(*statement, symbols);
  }

  void resolve(Statement& statement, const ScopeSymbols& symbols) {
    switch (statement.kind) {
      case Statement::Kind::kOutput:
        for (ExpressionPtr& expression : statement.expressions) resolve(expression, symbols);
        break;
      case Statement::Kind::kIf:
        for (auto& [condition, body] : statement.branches) {
          resolve(condition, symbols);
          resolve(body, symbols);
        }
        break;
      case Statement::Kind::kFor:
        resolve_loop(statement, symbols);
        break;
      case Statement::Kind::kSet:
        resolve(statement.source, symbols);
        resolve(statement.target, symbols);
        break;
      case Statement::Kind::kSetBlock: {
        resolve(statement.target, symbols);
        ScopeSymbols inner(symbols.function(), &symbols);
        see_body(statement.body, inner);
        load_names(statement.filter, inner);
        enter(statement, inner);
        break;
      }
      case Statement::Kind::kMacro:
        statement.place = symbols.place(statement.function->name);
        resolve_function(*statement.function, statement.line, symbols);
        break;
      case Statement::Kind::kCallBlock:
        resolve(statement.source, symbols);
        resolve_function(*statement.function, statement.line, symbols);
        break;
      case Statement::Kind::kFilterBlock: {
        ScopeSymbols inner(symbols.function(), &symbols);
        see_body(statement.body, inner);
        load_names(statement.filter, inner);
        enter(statement, inner);
        break;
      }
      case Statement::Kind::kWith: {
        ScopeSymbols inner(symbols.function(), &symbols);
        for (size_t i = 0; i < statement.expressions.size(); i += 2) {
          store_names(*statement.expressions[i], inner, true);
          resolve(statement.expressions[i + 1], symbols);
        }
        see_body(statement.body, inner);
        for (size_t i = 0; i < statement.expressions.size(); i += 2) resolve(statement.expressions[i], inner);
        enter(statement, inner);
        break;
      }
      default:
        break;
    }
  }

  void enter(Statement& statement, const ScopeSymbols& inner) {
    statement.scope = inner.scope();
    resolve(statement.filter, inner);
    resolve(statement.body, inner);
  }

  void resolve_loop(Statement& statement, const ScopeSymbols& symbols) {
    if (assigns_loop(*statement.target) || assigns_loop(statement.body) ||
        assigns_loop(statement.otherwise)) {
      throw Fault(FaultKind::kSyntax, "assigns to 'loop' in a loop, where it is the loop itself",
                  statement.line);
    }
    resolve(statement.source, symbols);
    FreeNames special({"loop"});
    special.look(statement.body);
    ScopeSymbols inner(symbols.function(), &symbols);
    if (special.found("loop")) statement.loop_slot = inner.parameter("loop");
    store_names(*statement.target, inner, true);
    see_body(statement.body, inner);
    if (statement.filter) {
      // In Jinja the filter is a function of its own, with variables of its own.
      ScopeSymbols test(symbols.function(), &symbols, "filter " + std::to_string(filters_++) + " ");
      statement.filter_target = copy_of(*statement.target);
      store_names(*statement.filter_target, test, true);
      load_names(statement.filter, test);
      resolve(statement.filter_target, test);
      resolve(statement.filter, test);
      statement.filter_scope = test.scope();
    }
    resolve(statement.target, inner);
    statement.scope = inner.scope();
    resolve(statement.body, inner);
    ScopeSymbols otherwise(symbols.function(), &symbols);
    see_body(statement.otherwise, otherwise);
    statement.otherwise_scope = otherwise.scope();
    resolve(statement.otherwise, otherwise);
  }

  void resolve_function(Function& function, int line, const ScopeSymbols& symbols) {
    for (FunctionTable* around = symbols.function(); around != nullptr; around = around->outer) {
      around->holds_functions = true;
    }
    FunctionTable& table = tables_.emplace_back();
    table.outer = symbols.function();
    ScopeSymbols inner(&table, &symbols);
    const auto see = [&] {
      function.slots.clear();
      for (const std::string& parameter : function.parameters)
        function.slots.push_back(inner.parameter(parameter));
      for (ExpressionPtr& value : function.defaults) load_names(value, inner);
      see_body(function.body, inner);
    };
    see();
    FreeNames special({"caller", "kwargs", "varargs"});
    special.look(function.body);
    const auto given = [&](const char* name) {
      return std::find(function.parameters.begin(), function.parameters.end(), name) !=
             function.parameters.end();
    };
    if (special.found("caller") && given("caller")) {
      const auto place = std::find(function.parameters.begin(), function.parameters.end(), "caller");
      if (static_cast<size_t>(function.parameters.end() - place) > function.defaults.size()) {
        throw Fault(FaultKind::kSyntax, "has a macro with the parameter 'caller', which must have a default",
                    line);
      }
    } else if (special.found("caller")) {
      function.caller_slot = inner.parameter("caller");
    }
    if (special.found("kwargs") && !given("kwargs")) function.named_slot = inner.parameter("kwargs");
    if (special.found("varargs") && !given("varargs")) function.rest_slot = inner.parameter("varargs");
    see();
    function.scope = inner.scope();
    for (ExpressionPtr& value : function.defaults) resolve(value, inner);
    resolve(function.body, inner);
    function.slot_count = static_cast<int>(table.slots.size());
    function.holds_functions = table.holds_functions;
  }

  std::deque<FunctionTable> tables_;
  int filters_ = 0;
};

}  // namespace

void resolve_names(Tree& tree) { Resolver().run(tree); }

}  // namespace reel::models::jinja
