// The tokens of a template, one after the other, with the checks that every part of the parser makes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/text/jinja/syntax/template_lexer.h"

namespace reel::models::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  int line() const { return current().line; }
  Token take() {
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool take_operator(std::string_view sign) {
    const bool there = current().is_operator(sign);
    if (there) take();
    return there;
  }
  bool take_name(std::string_view name) {
    const bool there = current().is_name(name);
    if (there) take();
    return there;
  }
  void need_operator(std::string_view sign) {
    if (!take_operator(sign)) fail_expected("'" + std::string(sign) + "'");
  }
  Token need(Token::Kind kind, const char* what) {
    if (current().kind != kind) fail_expected(what);
    return take();
  }
  [[noreturn]] void fail_expected(const std::string& what) const {
    fail("needs " + what + ", and has " + described(current()));
  }
  [[noreturn]] void fail(const std::string& message) const {
    throw Fault(FaultKind::kSyntax, message, line());
  }

 private:
  static std::string described(const Token& token) {
    switch (token.kind) {
      case Token::Kind::kEnd:
        return "its end";
      case Token::Kind::kVariableEnd:
        return "'}}'";
      case Token::Kind::kBlockEnd:
        return "'%}'";
      case Token::Kind::kName:
      case Token::Kind::kOperator:
        return "'" + token.text + "'";
      case Token::Kind::kString:
        return "a text";
      case Token::Kind::kInteger:
      case Token::Kind::kFloat:
        return "a number";
      default:
        return "text outside of tags";
    }
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace reel::models::jinja
