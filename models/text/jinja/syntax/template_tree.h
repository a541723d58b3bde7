// What a parsed template is: expressions and statements, and where their names lie.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/text/jinja/values/comparison.h"
#include "models/text/jinja/values/template_value.h"

namespace reel::models::jinja {

struct Expression;
struct FilterEntry;
struct TestEntry;
using ExpressionPtr = std::unique_ptr<Expression>;
using Expressions = std::vector<ExpressionPtr>;

/// Where a variable is: so many functions out from where it is used, and which of their variables.
struct Place {
  int functions_out = 0;
  int slot = -1;  // -1: not resolved
};

/// Arguments of a call, a filter or a test: `f(a, *b, c=d, **e)`.
struct Arguments {
  Expressions positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr all_positional, all_named;  // null: none
};

enum class Arithmetic { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };

struct Expression {
  enum class Kind {
    kConstant,   // value
    kName,       // name, place
    kSpaceName,  // name, place, attribute: a target of `set`
    kList,
    kTuple,
    kDict,       // parts: key, value, key, value, ...
    kAttribute,  // parts: object; name
    kItem,       // parts: object, index
    kSlice,      // parts: object, start, stop, step; null where absent
    kCall,       // parts: callee; arguments
    kFilter,     // parts: input (null in a filter block); filter, arguments
    kTest,       // parts: input; test, arguments
    kNot,
    kMinus,
    kPlus,
    kArithmetic,
    kConcat,
    kCompare,  // parts: the first operand and the others; comparisons, one less
    kAnd,
    kOr,
    kChoice,  // parts: if true, condition, else (null: undefined)
  };
  Expression(Kind kind_of, int line_of) : kind(kind_of), line(line_of) {}

  Kind kind;
  int line;
  int depth = 1;  // expressions within each other, this one included
  Value value;
  std::string name, attribute;
  Place place;
  Arithmetic arithmetic = Arithmetic::kAdd;
  std::vector<Comparison> comparisons;
  Expressions parts;
  Arguments arguments;
  const FilterEntry* filter = nullptr;
  const TestEntry* test = nullptr;
};

/// What is done to the variables of a scope when it is entered.
struct Load {
  enum class Kind { kFromContext, kFromOuter, kUnset };
  Kind kind;
  int slot;
  std::string name;  // kFromContext
  Place outer;       // kFromOuter, seen from within the scope
};

/// A scope of Jinja: the body of a loop, of a macro, and so on.
struct Scope {
  std::vector<Load> loads;
  std::vector<int> slots;  // all that it declares, which are unset when it is left
};

struct Statement;
using StatementPtr = std::unique_ptr<Statement>;
using Body = std::vector<StatementPtr>;

/// A macro, or what stands between `call` and `endcall`: a function of its own.
struct Function {
  std::string name;  // empty: a call block
  std::vector<std::string> parameters;
  Expressions defaults;    // of the last parameters
  std::vector<int> slots;  // of the parameters
  int caller_slot = -1, named_slot = -1,
      rest_slot = -1;  // of `caller`, `kwargs` and `varargs`, if it uses them
  int slot_count = 0;
  bool holds_functions = false;  // its variables may be needed after it has returned
  Scope scope;
  Body body;
};

struct Statement {
  enum class Kind {
    kText,         // text
    kOutput,       // expressions
    kIf,           // branches: condition and body; the last condition may be null
    kFor,          // target, source, filter; body, otherwise
    kSet,          // target, source
    kSetBlock,     // target, filter (null: none); body
    kMacro,        // function, place
    kCallBlock,    // function, source (a call; null: `generation`)
    kFilterBlock,  // filter; body
    kWith,         // expressions: target, value, target, value, ...; body
    kBreak,
    kContinue,
  };
  Statement(Kind kind_of, int line_of) : kind(kind_of), line(line_of) {}

  Kind kind;
  int line;
  std::string text;
  Expressions expressions;
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  ExpressionPtr target, source, filter;
  Body body, otherwise;
  std::unique_ptr<Function> function;
  Place place;
  Scope scope, otherwise_scope, filter_scope;
  int loop_slot = -1;           // of `loop`, if the body uses it
  ExpressionPtr filter_target;  // kFor with a filter: the target once more, in variables of the filter's own
};

/// A whole template.
struct Tree {
  Body body;
  Scope scope;
  int slot_count = 0;
};

}  // namespace reel::models::jinja
