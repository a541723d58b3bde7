// Above 300 lines because the grammar is one class: a function for each level of it.
#include "models/text/jinja/syntax/expression_parser.h"

#include <algorithm>
#include <array>

#include "models/text/jinja/filters/filters.h"
#include "models/text/jinja/library/value_tests.h"

namespace reel::models::jinja {

namespace {

using ExpressionKind = Expression::Kind;
constexpr int kMostDepth = 150;  // of expressions within each other; they are evaluated by recursion

bool is_constant_name(const std::string& name) {
  return name == "true" || name == "false" || name == "none" || name == "True" || name == "False" ||
         name == "None";
}

}  // namespace

// One level deeper in the source, for as long as it lives.
class ExpressionParser::Level {
 public:
  explicit Level(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.level_ > kMostDepth) {
      throw Fault(FaultKind::kLimit,
                  "nests expressions more than " + std::to_string(kMostDepth) + " levels deep",
                  parser_.stream_.line());
    }
  }
  ~Level() { --parser_.level_; }

 private:
  ExpressionParser& parser_;
};

ExpressionPtr ExpressionParser::finished(ExpressionPtr expression) const {
  const auto count = [&](const ExpressionPtr& part) {
    if (part) expression->depth = std::max(expression->depth, part->depth + 1);
  };
  for (const ExpressionPtr& part : expression->parts) count(part);
  for (const ExpressionPtr& part : expression->arguments.positional) count(part);
  for (const auto& [name, part] : expression->arguments.named) count(part);
  count(expression->arguments.all_positional);
  count(expression->arguments.all_named);
  if (expression->depth > kMostDepth) {
    throw Fault(FaultKind::kLimit,
                "nests expressions more than " + std::to_string(kMostDepth) + " levels deep",
                expression->line);
  }
  return expression;
}

ExpressionPtr ExpressionParser::node(ExpressionKind kind, int line, ExpressionPtr first,
                                     ExpressionPtr second) {
  auto made = std::make_unique<Expression>(kind, line);
  if (first) made->parts.push_back(std::move(first));
  if (second) made->parts.push_back(std::move(second));
  return finished(std::move(made));
}

ExpressionPtr ExpressionParser::expression(bool choices) { return choices ? choice() : either(); }

ExpressionPtr ExpressionParser::choice() {
  const Level level(*this);
  ExpressionPtr value = either();
  while (stream_.current().is_name("if")) {
    const int line = stream_.take().line;
    auto made = std::make_unique<Expression>(ExpressionKind::kChoice, line);
    made->parts.push_back(std::move(value));
    made->parts.push_back(either());
    made->parts.push_back(stream_.take_name("else") ? choice() : nullptr);
    value = finished(std::move(made));
  }
  return value;
}

ExpressionPtr ExpressionParser::either() {
  const Level level(*this);
  ExpressionPtr left = both();
  while (stream_.current().is_name("or")) {
    const int line = stream_.take().line;
    left = node(ExpressionKind::kOr, line, std::move(left), both());
  }
  return left;
}

ExpressionPtr ExpressionParser::both() {
  ExpressionPtr left = negated();
  while (stream_.current().is_name("and")) {
    const int line = stream_.take().line;
    left = node(ExpressionKind::kAnd, line, std::move(left), negated());
  }
  return left;
}

ExpressionPtr ExpressionParser::negated() {
  if (!stream_.current().is_name("not")) return comparison();
  const Level level(*this);
  const int line = stream_.take().line;
  return node(ExpressionKind::kNot, line, negated());
}

ExpressionPtr ExpressionParser::comparison() {
  const int line = stream_.line();
  ExpressionPtr first = sum();
  auto made = std::make_unique<Expression>(ExpressionKind::kCompare, line);
  constexpr std::array<std::pair<const char*, Comparison>, 6> kSigns = {
      {{"==", Comparison::kEqual},
       {"!=", Comparison::kUnequal},
       {"<", Comparison::kLess},
       {"<=", Comparison::kLessOrEqual},
       {">", Comparison::kGreater},
       {">=", Comparison::kGreaterOrEqual}}};
  while (true) {
    const auto* sign = std::find_if(kSigns.begin(), kSigns.end(),
                                    [&](const auto& s) { return stream_.current().is_operator(s.first); });
    if (sign != kSigns.end()) {
      stream_.take();
      made->comparisons.push_back(sign->second);
    } else if (stream_.take_name("in")) {
      made->comparisons.push_back(Comparison::kIn);
    } else if (stream_.current().is_name("not") && stream_.after().is_name("in")) {
      stream_.take();
      stream_.take();
      made->comparisons.push_back(Comparison::kNotIn);
    } else {
      break;
    }
    if (made->parts.empty()) made->parts.push_back(std::move(first));
    made->parts.push_back(sum());
  }
  return made->parts.empty() ? std::move(first) : finished(std::move(made));
}

ExpressionPtr ExpressionParser::sum() {
  ExpressionPtr left = concatenation();
  while (stream_.current().is_operator("+") || stream_.current().is_operator("-")) {
    const Token sign = stream_.take();
    left = node(ExpressionKind::kArithmetic, sign.line, std::move(left), concatenation());
    left->arithmetic = sign.text == "+" ? Arithmetic::kAdd : Arithmetic::kSubtract;
  }
  return left;
}

ExpressionPtr ExpressionParser::concatenation() {
  ExpressionPtr first = product();
  if (!stream_.current().is_operator("~")) return first;
  auto made = std::make_unique<Expression>(ExpressionKind::kConcat, stream_.line());
  made->parts.push_back(std::move(first));
  while (stream_.take_operator("~")) made->parts.push_back(product());
  return finished(std::move(made));
}

ExpressionPtr ExpressionParser::product() {
  ExpressionPtr left = power();
  while (true) {
    const Token& sign = stream_.current();
    const Arithmetic operation = sign.is_operator("*")    ? Arithmetic::kMultiply
                                 : sign.is_operator("/")  ? Arithmetic::kDivide
                                 : sign.is_operator("//") ? Arithmetic::kFloorDivide
                                 : sign.is_operator("%")  ? Arithmetic::kModulo
                                                          : Arithmetic::kAdd;
    if (operation == Arithmetic::kAdd) return left;
    const int line = stream_.take().line;
    left = node(ExpressionKind::kArithmetic, line, std::move(left), power());
    left->arithmetic = operation;
  }
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr left = signed_value();
  while (stream_.current().is_operator("**")) {
    const int line = stream_.take().line;
    left = node(ExpressionKind::kArithmetic, line, std::move(left), signed_value());
    left->arithmetic = Arithmetic::kPower;
  }
  return left;
}

ExpressionPtr ExpressionParser::signed_value(bool with_filters) {
  const Level level(*this);
  ExpressionPtr value;
  if (stream_.current().is_operator("-") || stream_.current().is_operator("+")) {
    const Token sign = stream_.take();
    value = node(sign.text == "-" ? ExpressionKind::kMinus : ExpressionKind::kPlus, sign.line,
                 signed_value(false));
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filters ? filters_and_tests(std::move(value)) : std::move(value);
}

ExpressionPtr ExpressionParser::primary(bool spaces) {
  const Token token = stream_.current();
  const auto constant = [&](Value value) {
    ExpressionPtr made = node(ExpressionKind::kConstant, token.line);
    made->value = std::move(value);
    return made;
  };
  switch (token.kind) {
    case Token::Kind::kName: {
      stream_.take();
      if (token.text == "none" || token.text == "None") return constant(Value());
      if (is_constant_name(token.text)) return constant(Value(token.text == "true" || token.text == "True"));
      const bool space = spaces && stream_.take_operator(".");
      ExpressionPtr made = node(space ? ExpressionKind::kSpaceName : ExpressionKind::kName, token.line);
      made->name = token.text;
      if (space) made->attribute = stream_.need(Token::Kind::kName, "the name of an attribute").text;
      return made;
    }
    case Token::Kind::kString: {
      std::string text;
      while (stream_.current().kind == Token::Kind::kString) text += stream_.take().text;
      return constant(Value(std::move(text)));
    }
    case Token::Kind::kInteger:
      stream_.take();
      return constant(Value(token.integer));
    case Token::Kind::kFloat:
      stream_.take();
      return constant(Value(token.number));
    default:
      if (token.is_operator("(")) return bracketed();
      if (token.is_operator("[")) return list();
      if (token.is_operator("{")) return dict();
      stream_.fail_expected("an expression");
  }
}

ExpressionPtr ExpressionParser::bracketed() {
  const Level level(*this);
  stream_.need_operator("(");
  ExpressionPtr inside = items(true, {}, true, false, false);
  stream_.need_operator(")");
  return inside;
}

ExpressionPtr ExpressionParser::tuple(bool choices, std::string_view end) {
  return items(choices, end, false, false, false);
}

ExpressionPtr ExpressionParser::target(bool spaces, std::string_view end) {
  ExpressionPtr made = items(true, end, false, true, spaces);
  const auto check = [&](const auto& self, const Expression& part) -> void {
    if (part.kind == ExpressionKind::kTuple) {
      for (const ExpressionPtr& inner : part.parts) self(self, *inner);
    } else if (part.kind != ExpressionKind::kName && part.kind != ExpressionKind::kSpaceName) {
      throw Fault(FaultKind::kSyntax, "assigns to something that is no name", part.line);
    }
  };
  check(check, *made);
  return made;
}

std::string ExpressionParser::name_to_assign() {
  const Token token = stream_.need(Token::Kind::kName, "a name");
  if (is_constant_name(token.text))
    throw Fault(FaultKind::kSyntax, "assigns to '" + token.text + "'", token.line);
  return token.text;
}

ExpressionPtr ExpressionParser::items(bool choices, std::string_view end, bool in_brackets, bool targets,
                                      bool spaces) {
  const int line = stream_.line();
  const auto at_end = [&] {
    const Token& token = stream_.current();
    return token.kind == Token::Kind::kVariableEnd || token.kind == Token::Kind::kBlockEnd ||
           token.is_operator(")") || (!end.empty() && token.is_name(end));
  };
  Expressions parts;
  bool several = false;
  while (true) {
    if (!parts.empty()) stream_.need_operator(",");
    if (at_end()) break;
    parts.push_back(targets ? primary(spaces) : expression(choices));
    if (!stream_.current().is_operator(",")) break;
    several = true;
  }
  if (!several && !parts.empty()) return std::move(parts.front());
  if (!several && !in_brackets) stream_.fail_expected("an expression");
  auto made = std::make_unique<Expression>(ExpressionKind::kTuple, line);
  made->parts = std::move(parts);
  return finished(std::move(made));
}

ExpressionPtr ExpressionParser::list() {
  const Level level(*this);
  auto made = std::make_unique<Expression>(ExpressionKind::kList, stream_.line());
  stream_.need_operator("[");
  while (!stream_.current().is_operator("]")) {
    if (!made->parts.empty()) stream_.need_operator(",");
    if (stream_.current().is_operator("]")) break;
    made->parts.push_back(expression());
  }
  stream_.need_operator("]");
  return finished(std::move(made));
}

ExpressionPtr ExpressionParser::dict() {
  const Level level(*this);
  auto made = std::make_unique<Expression>(ExpressionKind::kDict, stream_.line());
  stream_.need_operator("{");
  while (!stream_.current().is_operator("}")) {
    if (!made->parts.empty()) stream_.need_operator(",");
    if (stream_.current().is_operator("}")) break;
    made->parts.push_back(expression());
    stream_.need_operator(":");
    made->parts.push_back(expression());
  }
  stream_.need_operator("}");
  return finished(std::move(made));
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr value) {
  while (true) {
    if (stream_.current().is_operator(".") || stream_.current().is_operator("[")) {
      value = subscript(std::move(value));
    } else if (stream_.current().is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr value) {
  while (true) {
    if (stream_.current().is_operator("|")) {
      value = filters(std::move(value));
    } else if (stream_.current().is_name("is")) {
      value = test(std::move(value));
    } else if (stream_.current().is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr object) {
  const Token sign = stream_.take();
  if (sign.text == ".") {
    const Token name = stream_.take();
    if (name.kind == Token::Kind::kName) {
      ExpressionPtr made = node(ExpressionKind::kAttribute, sign.line, std::move(object));
      made->name = name.text;
      return made;
    }
    if (name.kind != Token::Kind::kInteger)
      throw Fault(FaultKind::kSyntax, "needs a name or a number behind '.'", name.line);
    ExpressionPtr index = node(ExpressionKind::kConstant, name.line);
    index->value = Value(name.integer);
    return node(ExpressionKind::kItem, sign.line, std::move(object), std::move(index));
  }
  const auto ends = [&] { return stream_.current().is_operator("]") || stream_.current().is_operator(","); };
  ExpressionPtr start = stream_.current().is_operator(":") ? nullptr : expression();
  if (stream_.current().is_operator(",")) {
    throw Fault(FaultKind::kUnsupported, "takes an item by several indices, which is not supported",
                sign.line);
  }
  if (!stream_.take_operator(":")) {
    stream_.need_operator("]");
    return node(ExpressionKind::kItem, sign.line, std::move(object), std::move(start));
  }
  auto made = std::make_unique<Expression>(ExpressionKind::kSlice, sign.line);
  made->parts.push_back(std::move(object));
  made->parts.push_back(std::move(start));
  made->parts.push_back(ends() || stream_.current().is_operator(":") ? nullptr : expression());
  made->parts.push_back(stream_.take_operator(":") && !ends() ? expression() : nullptr);
  stream_.need_operator("]");
  return finished(std::move(made));
}

ExpressionPtr ExpressionParser::call(ExpressionPtr callee) {
  auto made = std::make_unique<Expression>(ExpressionKind::kCall, stream_.line());
  made->parts.push_back(std::move(callee));
  made->arguments = arguments();
  return finished(std::move(made));
}

Arguments ExpressionParser::arguments() {
  const Level level(*this);
  const int line = stream_.line();
  Arguments found;
  const auto ensure = [&](bool fits) {
    if (!fits) throw Fault(FaultKind::kSyntax, "has arguments in an order that a call cannot have", line);
  };
  stream_.need_operator("(");
  for (bool first = true; !stream_.current().is_operator(")"); first = false) {
    if (!first) stream_.need_operator(",");
    if (stream_.current().is_operator(")")) break;
    if (stream_.take_operator("*")) {
      ensure(!found.all_positional && !found.all_named);
      found.all_positional = expression();
    } else if (stream_.take_operator("**")) {
      ensure(!found.all_named);
      found.all_named = expression();
    } else if (stream_.current().kind == Token::Kind::kName && stream_.after().is_operator("=")) {
      ensure(!found.all_named);
      const std::string name = stream_.take().text;
      stream_.take();
      const bool twice = std::any_of(found.named.begin(), found.named.end(),
                                     [&](const auto& argument) { return argument.first == name; });
      if (twice) throw Fault(FaultKind::kSyntax, "gives the argument '" + name + "' twice", line);
      found.named.emplace_back(name, expression());
    } else {
      ensure(!found.all_positional && !found.all_named && found.named.empty());
      found.positional.push_back(expression());
    }
  }
  stream_.need_operator(")");
  return found;
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr input, bool begun) {
  while (begun || stream_.current().is_operator("|")) {
    if (!begun) stream_.take();
    begun = false;
    const Token name = stream_.need(Token::Kind::kName, "the name of a filter");
    auto made = std::make_unique<Expression>(ExpressionKind::kFilter, name.line);
    made->name = name.text;
    made->filter = find_filter(name.text);
    if (made->filter == nullptr) {
      throw Fault(FaultKind::kUnsupported, "uses the filter '" + name.text + "', which is not known",
                  name.line);
    }
    made->parts.push_back(std::move(input));
    if (stream_.current().is_operator("(")) made->arguments = arguments();
    input = finished(std::move(made));
  }
  return input;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr value) {
  const Level level(*this);
  const int line = stream_.take().line;  // is
  const bool negated = stream_.take_name("not");
  const Token name = stream_.need(Token::Kind::kName, "the name of a test");
  auto made = std::make_unique<Expression>(ExpressionKind::kTest, line);
  made->name = name.text;
  made->test = find_test(name.text);
  if (made->test == nullptr) {
    throw Fault(FaultKind::kUnsupported, "uses the test '" + name.text + "', which is not known", name.line);
  }
  made->parts.push_back(std::move(value));
  const Token& next = stream_.current();
  const bool operand = next.kind == Token::Kind::kName || next.kind == Token::Kind::kString ||
                       next.kind == Token::Kind::kInteger || next.kind == Token::Kind::kFloat ||
                       next.is_operator("[") || next.is_operator("{");
  if (next.is_operator("(")) {
    made->arguments = arguments();
  } else if (operand && !next.is_name("else") && !next.is_name("or") && !next.is_name("and")) {
    if (next.is_name("is")) stream_.fail("chains tests with 'is', which cannot be");
    made->arguments.positional.push_back(postfix(primary()));
  }
  ExpressionPtr whole = finished(std::move(made));
  return negated ? node(ExpressionKind::kNot, line, std::move(whole)) : std::move(whole);
}

}  // namespace reel::models::jinja
