// Regular expressions of tokenizer files. They are written for Oniguruma (Ruby's syntax) and run by PCRE2: what both mean
// alike is translated, classes of characters with the tables of unicode.h, and anything else is refused by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reel::models {

/// Bytes [begin, end) of a text.
struct TextRange {
  size_t begin, end;
  bool match;  // of the pattern; else it stands between matches
};

/// Immutable: serves any number of threads.
class TokenPattern {
 public:
  /// `place` names the file in messages. Throws: std::runtime_error "[place] ..." if the expression is malformed or uses
  /// what is not supported.
  static TokenPattern expression(const std::string& pattern, const std::string& place);
  /// Matches this very text, which must not be empty.
  static TokenPattern literal(std::string text);

  /// The whole text, cut into matches and what lies between them; empty ranges are left out, but an empty match cuts.
  /// `utf8` must be valid. Throws: std::runtime_error if a match takes too much work.
  std::vector<TextRange> cut(std::string_view utf8) const;

 private:
  struct Program;
  std::shared_ptr<const Program> program_;  // null: literal
  std::string literal_;
};

/// The version of PCRE2 that runs them: "10.42 2022-12-11".
std::string pattern_library_version();

}  // namespace reel::models
