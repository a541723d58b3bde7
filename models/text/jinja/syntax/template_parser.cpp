#include "models/text/jinja/syntax/template_parser.h"

#include <algorithm>
#include <initializer_list>

#include "models/text/jinja/syntax/expression_parser.h"

namespace reel::models::jinja {

namespace {

using StatementKind = Statement::Kind;
constexpr int kMostBlocks = 60;  // of statements within each other

class Parser {
 public:
  explicit Parser(std::string_view utf8) : stream_(cut_template(utf8)), expressions_(stream_) {}

  Body whole() {
    Body body = statements({});
    return body;
  }

 private:
  using Names = std::initializer_list<const char*>;

  bool at_any(Names names) const {
    return std::any_of(names.begin(), names.end(),
                       [&](const char* name) { return stream_.current().is_name(name); });
  }

  // Up to a tag of one of these names, which is the current token then, its `{%` taken; or up to the end, if there are
  // no names.
  Body statements(Names ends) {
    if (++blocks_ > kMostBlocks) {
      throw Fault(FaultKind::kLimit,
                  "nests statements more than " + std::to_string(kMostBlocks) + " levels deep",
                  stream_.line());
    }
    Body body;
    while (stream_.current().kind != Token::Kind::kEnd) {
      const Token token = stream_.current();
      if (token.kind == Token::Kind::kData) {
        stream_.take();
        body.push_back(std::make_unique<Statement>(StatementKind::kText, token.line));
        body.back()->text = token.text;
      } else if (token.kind == Token::Kind::kVariableBegin) {
        stream_.take();
        body.push_back(std::make_unique<Statement>(StatementKind::kOutput, token.line));
        body.back()->expressions.push_back(expressions_.tuple());
        stream_.need(Token::Kind::kVariableEnd, "'}}'");
      } else {
        stream_.need(Token::Kind::kBlockBegin, "a tag");
        if (at_any(ends)) {
          --blocks_;
          return body;
        }
        body.push_back(statement());
        stream_.need(Token::Kind::kBlockEnd, "'%}'");
      }
    }
    if (ends.size() > 0)
      stream_.fail(std::string("ends inside of a block; 'endfor', 'endif' or the like is missing: ") +
                   *ends.begin());
    --blocks_;
    return body;
  }

  // The body of a tag whose `{% ...` was read, up to a tag of one of `ends`.
  Body body_until(Names ends) {
    stream_.take_operator(":");
    stream_.need(Token::Kind::kBlockEnd, "'%}'");
    return statements(ends);
  }
  // The same, with the name of the end taken.
  Body block(const char* end) {
    Body body = body_until({end});
    stream_.take();
    return body;
  }

  StatementPtr statement() {
    const Token name = stream_.need(Token::Kind::kName, "the name of a statement");
    const auto made = [&](StatementKind kind) { return std::make_unique<Statement>(kind, name.line); };
    if (name.text == "for") return loop(made(StatementKind::kFor));
    if (name.text == "if") return condition(made(StatementKind::kIf));
    if (name.text == "set") return assignment(name.line);
    if (name.text == "macro") return macro(made(StatementKind::kMacro));
    if (name.text == "call") return call_block(made(StatementKind::kCallBlock));
    if (name.text == "generation") return generation(made(StatementKind::kCallBlock));
    if (name.text == "filter") {
      StatementPtr statement = made(StatementKind::kFilterBlock);
      statement->filter = expressions_.filters(nullptr, true);
      statement->body = block("endfilter");
      return statement;
    }
    if (name.text == "with") return with(made(StatementKind::kWith));
    if (name.text == "print") {
      StatementPtr statement = made(StatementKind::kOutput);
      while (stream_.current().kind != Token::Kind::kBlockEnd) {
        if (!statement->expressions.empty()) stream_.need_operator(",");
        statement->expressions.push_back(expressions_.expression());
      }
      return statement;
    }
    if (name.text == "break" || name.text == "continue") {
      if (loops_ == 0)
        throw Fault(FaultKind::kSyntax, "has '" + name.text + "' outside of a loop", name.line);
      return made(name.text == "break" ? StatementKind::kBreak : StatementKind::kContinue);
    }
    for (const char* known : {"block", "extends", "include", "import", "from", "autoescape"}) {
      if (name.text == known) {
        throw Fault(FaultKind::kUnsupported, "uses the statement '" + name.text + "', which is not supported",
                    name.line);
      }
    }
    throw Fault(FaultKind::kSyntax, "has the statement '" + name.text + "', which is not known here",
                name.line);
  }

  StatementPtr loop(StatementPtr statement) {
    statement->target = expressions_.target(false, "in");
    if (!stream_.take_name("in")) stream_.fail_expected("'in'");
    statement->source = expressions_.tuple(false, "recursive");
    if (stream_.take_name("if")) statement->filter = expressions_.expression();
    if (stream_.current().is_name("recursive")) {
      throw Fault(FaultKind::kUnsupported, "has a recursive loop, which is not supported", stream_.line());
    }
    ++loops_;
    statement->body = body_until({"endfor", "else"});
    --loops_;
    if (stream_.take().text == "else") statement->otherwise = block("endfor");
    return statement;
  }

  StatementPtr condition(StatementPtr statement) {
    while (true) {
      ExpressionPtr test = expressions_.tuple(false);
      Body body = body_until({"elif", "else", "endif"});
      statement->branches.emplace_back(std::move(test), std::move(body));
      const std::string next = stream_.take().text;
      if (next == "elif") continue;
      if (next == "else") statement->branches.emplace_back(nullptr, block("endif"));
      return statement;
    }
  }

  StatementPtr assignment(int line) {
    ExpressionPtr target = expressions_.target(true);
    if (stream_.take_operator("=")) {
      auto statement = std::make_unique<Statement>(StatementKind::kSet, line);
      statement->target = std::move(target);
      statement->source = expressions_.tuple();
      return statement;
    }
    auto statement = std::make_unique<Statement>(StatementKind::kSetBlock, line);
    statement->target = std::move(target);
    statement->filter = expressions_.filters(nullptr);
    statement->body = block("endset");
    return statement;
  }

  StatementPtr with(StatementPtr statement) {
    while (stream_.current().kind != Token::Kind::kBlockEnd) {
      if (!statement->expressions.empty()) stream_.need_operator(",");
      statement->expressions.push_back(expressions_.target(false));
      stream_.need_operator("=");
      statement->expressions.push_back(expressions_.expression());
    }
    statement->body = block("endwith");
    return statement;
  }

  void signature(Function& function) {
    stream_.need_operator("(");
    while (!stream_.current().is_operator(")")) {
      if (!function.parameters.empty()) stream_.need_operator(",");
      const std::string name = expressions_.name_to_assign();
      if (std::find(function.parameters.begin(), function.parameters.end(), name) !=
          function.parameters.end()) {
        stream_.fail("has a macro with two parameters of the name '" + name + "'");
      }
      function.parameters.push_back(name);
      if (stream_.take_operator("=")) {
        function.defaults.push_back(expressions_.expression());
      } else if (!function.defaults.empty()) {
        stream_.fail("has a parameter without a default behind one with a default");
      }
    }
    stream_.need_operator(")");
  }

  // A loop around a function is none of the loops that it may leave.
  void function_body(Function& function, const char* end) {
    const int loops = std::exchange(loops_, 0);
    function.body = block(end);
    loops_ = loops;
  }

  StatementPtr macro(StatementPtr statement) {
    statement->function = std::make_unique<Function>();
    statement->function->name = expressions_.name_to_assign();
    signature(*statement->function);
    function_body(*statement->function, "endmacro");
    return statement;
  }

  StatementPtr call_block(StatementPtr statement) {
    statement->function = std::make_unique<Function>();
    if (stream_.current().is_operator("(")) signature(*statement->function);
    statement->source = expressions_.expression();
    if (statement->source->kind != Expression::Kind::kCall) stream_.fail_expected("a call behind 'call'");
    function_body(*statement->function, "endcall");
    return statement;
  }

  StatementPtr generation(StatementPtr statement) {
    statement->function = std::make_unique<Function>();
    function_body(*statement->function, "endgeneration");
    return statement;
  }

  TokenStream stream_;
  ExpressionParser expressions_;
  int blocks_ = 0;
  int loops_ = 0;  // around the current place, in its function
};

}  // namespace

Tree parse_template(std::string_view utf8) {
  Tree tree;
  tree.body = Parser(utf8).whole();
  return tree;
}

}  // namespace reel::models::jinja
