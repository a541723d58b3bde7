// Expressions of templates, with Jinja's order of operators.
#pragma once

#include "models/text/jinja/syntax/template_tree.h"
#include "models/text/jinja/syntax/token_stream.h"

namespace reel::models::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  /// `choices`: `a if b else c` may stand without brackets.
  ExpressionPtr expression(bool choices = true);
  /// One expression, or several with commas between them, which make a tuple. `end`: a name that ends it too.
  ExpressionPtr tuple(bool choices = true, std::string_view end = {});
  /// What a loop or a `set` assigns to: a name, or several; `spaces`: also `space.attribute`.
  ExpressionPtr target(bool spaces, std::string_view end = {});
  /// `| name(...)`, as often as it stands there. `input` may be null: the body of a block.
  /// `begun`: the bar is not written before the first.
  ExpressionPtr filters(ExpressionPtr input, bool begun = false);
  /// A name that may be assigned to.
  std::string name_to_assign();

 private:
  class Level;
  ExpressionPtr choice();
  ExpressionPtr either();
  ExpressionPtr both();
  ExpressionPtr negated();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr signed_value(bool with_filters = true);
  ExpressionPtr primary(bool spaces = false);
  ExpressionPtr bracketed();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr value);
  ExpressionPtr filters_and_tests(ExpressionPtr value);
  ExpressionPtr subscript(ExpressionPtr object);
  ExpressionPtr call(ExpressionPtr callee);
  ExpressionPtr test(ExpressionPtr value);
  ExpressionPtr items(bool choices, std::string_view end, bool in_brackets, bool targets, bool spaces);
  Arguments arguments();
  ExpressionPtr node(Expression::Kind kind, int line, ExpressionPtr first = nullptr,
                     ExpressionPtr second = nullptr);
  ExpressionPtr finished(ExpressionPtr expression) const;

  TokenStream& stream_;
  int level_ = 0;
};

}  // namespace reel::models::jinja
