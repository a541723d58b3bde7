// Cuts a template into tokens, as Jinja does with the settings of transformers: trim_blocks (the line break behind a
// statement goes) and lstrip_blocks (so does white space between the start of a line and a statement).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/jinja/values/template_fault.h"

namespace reel::models::jinja {

struct Token {
  enum class Kind {
    kData,  // text between tags
    kVariableBegin,
    kVariableEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };
  Kind kind = Kind::kEnd;
  int line = 1;
  std::string text = {};  // of data, names and operators as they stand; of strings their value
  int64_t integer = 0;
  double number = 0;

  bool is_operator(std::string_view sign) const { return kind == Kind::kOperator && text == sign; }
  bool is_name(std::string_view name) const { return kind == Kind::kName && text == name; }
};

/// Ends with a token kEnd. Throws: Fault kSyntax with the line.
std::vector<Token> cut_template(std::string_view utf8);

}  // namespace reel::models::jinja
