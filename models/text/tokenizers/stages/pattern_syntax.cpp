// Above 300 lines because the syntax is one class: a function for each of its parts.
#include "models/text/tokenizers/stages/pattern_syntax.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

#include "models/files/strict_json.h"
#include "models/files/utf8.h"
#include "models/text/unicode.h"

namespace reel::models {

namespace {

constexpr size_t kMostPatternBytes = 10'000;
constexpr size_t kMostPatternDepth = 50;  // of groups within each other

// General categories and scripts that both libraries know by these names.
constexpr std::array kProperties = {
    "Lu", "Ll",  "Lt",       "Lm",       "Lo",     "M",     "Mn",    "Mc",       "Me",     "Nd",     "Nl",
    "No", "P",   "Pc",       "Pd",       "Ps",     "Pe",    "Pi",    "Pf",       "Po",     "S",      "Sm",
    "Sc", "Sk",  "So",       "Z",        "Zs",     "Zl",    "Zp",    "C",        "Cc",     "Cf",     "Co",
    "Cn", "Han", "Hiragana", "Katakana", "Hangul", "Latin", "Greek", "Cyrillic", "Arabic", "Hebrew", "Thai"};

std::string escaped_point(char32_t point) {
  char text[16];
  std::snprintf(text, sizeof text, "\\x{%x}", static_cast<unsigned>(point));
  return text;
}

// Ranges of a class for the inside of brackets, or of all that is not in it.
std::string ranges_text(CharacterClass which, bool negated) {
  std::string text;
  const auto put = [&](char32_t first, char32_t last) {
    if (first <= last) text += escaped_point(first) + "-" + escaped_point(last);
  };
  char32_t next = 0;
  for (const auto& [first, last] : ranges_of(which)) {
    if (!negated) {
      put(first, last);
    } else if (first > next) {
      put(next, first - 1);
    }
    next = last + 1;
  }
  if (negated) put(next, 0x10FFFF);
  return text;
}

class PatternTranslator {
 public:
  PatternTranslator(const std::string& pattern, const std::string& place)
      : shown_(pattern), place_(place), text_(from_utf8(pattern)) {
    if (pattern.size() > kMostPatternBytes) refuse("is longer than 10000 bytes");
  }

  std::string run() {
    while (at_ < text_.size()) translate();
    if (!groups_.empty()) refuse("does not close a group");
    return std::move(result_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw std::runtime_error("[" + place_ + "] has the expression '" + shown(shown_) + "', which " + what +
                             "; such expressions are not supported");
  }
  bool starts(std::u32string_view sign) const {
    return std::u32string_view(text_).substr(at_).starts_with(sign);
  }

  void translate() {
    const char32_t point = text_[at_];
    switch (point) {
      case U'\\':
        ++at_;
        result_ += escape(false);
        quantifiable_ = true;
        return;
      case U'[':
        ++at_;
        character_class();
        quantifiable_ = true;
        return;
      case U'(':
        ++at_;
        open_group();
        quantifiable_ = false;
        return;
      case U')':
        if (groups_.empty()) refuse("closes a group that was not opened");
        ignore_case_ -= groups_.back();
        groups_.pop_back();
        ++at_;
        result_ += ')';
        quantifiable_ = true;
        return;
      case U'|':
        ++at_;
        result_ += '|';
        quantifiable_ = false;
        return;
      case U'?':
      case U'*':
      case U'+':
      case U'{':
        quantifier();
        return;
      case U'^':
      case U'$':
        refuse("has an anchor, ^ or $");
      case U'.':
        ++at_;
        result_ += "[^\\n]";
        quantifiable_ = true;
        return;
      default:
        ++at_;
        result_ += escaped_point(point);
        quantifiable_ = true;
    }
  }

  void open_group() {
    bool ignores_case = false;
    if (starts(U"?")) {
      constexpr std::array<std::u32string_view, 7> kKinds = {U"?:",  U"?=",  U"?!", U"?>",
                                                             U"?<=", U"?<!", U"?i:"};
      const auto* kind = std::find_if(kKinds.begin(), kKinds.end(), [&](auto k) { return starts(k); });
      if (kind == kKinds.end()) refuse("has a group of a kind other than (?: (?= (?! (?<= (?<! (?> and (?i:");
      result_ += "(" + to_utf8(*kind);
      at_ += kind->size();
      ignores_case = *kind == U"?i:";
    } else {
      result_ += "(?:";  // what groups have caught is not asked for
    }
    if (groups_.size() >= kMostPatternDepth) refuse("nests groups more than 50 levels deep");
    groups_.push_back(ignores_case);
    ignore_case_ += ignores_case;
  }

  void quantifier() {
    if (!quantifiable_) refuse("repeats nothing");
    quantifiable_ = false;
    if (text_[at_] != U'{') {
      result_ += static_cast<char>(text_[at_++]);
      if (at_ < text_.size() && (text_[at_] == U'?' || text_[at_] == U'+')) {
        result_ += static_cast<char>(text_[at_++]);
      }
      return;
    }
    const size_t end = text_.find(U'}', at_);
    if (end == std::u32string::npos) refuse("has a { without its }");
    const std::string inside = to_utf8(std::u32string_view(text_).substr(at_ + 1, end - at_ - 1));
    const size_t comma = inside.find(',');
    const std::string least = inside.substr(0, comma),
                      most = comma == std::string::npos ? "" : inside.substr(comma + 1);
    const auto is_count = [](const std::string& digits) {
      return digits.size() <= 4 && digits.find_first_not_of("0123456789") == std::string::npos;
    };
    if (!is_count(least) || !is_count(most) || (least.empty() && most.empty()))
      refuse("has a { that is no repetition");
    result_ += "{" + (least.empty() ? "0" : least) + inside.substr(std::min(comma, inside.size())) + "}";
    at_ = end + 1;
    if (at_ < text_.size() && text_[at_] == U'+') refuse("has a + behind a repetition in braces");
    if (at_ < text_.size() && text_[at_] == U'?') {
      if (comma == std::string::npos) refuse("has a ? behind a repetition of a fixed number");
      result_ += '?';
      ++at_;
    }
  }

  // \p{...} or \P{...}, the backslash and the letter taken.
  std::string property(bool negated, bool in_class) {
    if (!starts(U"{")) refuse("has a \\p without its {");
    const size_t end = text_.find(U'}', at_);
    if (end == std::u32string::npos) refuse("has a \\p{ without its }");
    const std::string name = to_utf8(std::u32string_view(text_).substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    if (ignore_case_ > 0) refuse("has a class of characters where case is ignored");
    if (name == "L") return known_class(CharacterClass::kLetter, negated, in_class);
    if (name == "N") return known_class(CharacterClass::kNumber, negated, in_class);
    const auto* found = std::find(kProperties.begin(), kProperties.end(), name);
    if (found == kProperties.end()) refuse("has the class '" + shown(name) + "'");
    return (negated ? "\\P{" : "\\p{") + name + "}";
  }

  std::string known_class(CharacterClass which, bool negated, bool in_class) const {
    if (ignore_case_ > 0) refuse("has a class of characters where case is ignored");
    const std::string ranges = ranges_text(which, negated);
    return in_class ? ranges : "[" + ranges + "]";
  }

  char32_t hexadecimal(size_t digits) {
    char32_t point = 0;
    for (size_t i = 0; i < digits; ++i, ++at_) {
      const char32_t digit = at_ < text_.size() ? text_[at_] | 0x20 : U'\0';
      const bool number = at_ < text_.size() && text_[at_] >= U'0' && text_[at_] <= U'9';
      if (!number && (digit < U'a' || digit > U'f')) refuse("has a character by number that is malformed");
      point = point * 16 + (number ? text_[at_] - U'0' : digit - U'a' + 10);
    }
    return point;
  }

  // What stands behind a backslash.
  std::string escape(bool in_class) {
    if (at_ >= text_.size()) refuse("ends in a backslash");
    const char32_t point = text_[at_++];
    switch (point) {
      case U'n':
        return "\\x{a}";
      case U'r':
        return "\\x{d}";
      case U't':
        return "\\x{9}";
      case U'f':
        return "\\x{c}";
      case U'v':
        return "\\x{b}";
      case U's':
      case U'S':
        return known_class(CharacterClass::kSpace, point == U'S', in_class);
      case U'w':
      case U'W':
        return known_class(CharacterClass::kWord, point == U'W', in_class);
      case U'd':
        return "\\p{Nd}";
      case U'D':
        return "\\P{Nd}";
      case U'p':
        return property(false, in_class);
      case U'P':
        return property(true, in_class);
      case U'u':
        return escaped_point(hexadecimal(4));
      case U'x': {
        const char32_t byte = hexadecimal(2);
        if (byte >= 0x80) refuse("has a byte that is no character");
        return escaped_point(byte);
      }
      default:
        if (point >= 0x80 || (point >= U'0' && point <= U'9') ||
            ((point | 0x20) >= U'a' && (point | 0x20) <= U'z')) {
          refuse("has the escape \\" + to_utf8(std::u32string(1, point)));
        }
        return escaped_point(point);
    }
  }

  void character_class() {
    result_ += '[';
    if (starts(U"^")) {
      result_ += '^';
      ++at_;
    }
    for (bool first = true;; first = false) {
      if (at_ >= text_.size()) refuse("has a [ without its ]");
      const char32_t point = text_[at_];
      if (point == U']') {
        if (first) refuse("has empty brackets");
        break;
      }
      if (point == U'[') refuse("has brackets within brackets");
      if (starts(U"&&")) refuse("has an intersection, &&");
      ++at_;
      const bool range = point == U'-' && !first && at_ < text_.size() && text_[at_] != U']';
      if (range) {
        if (!single_) refuse("has a range that does not begin with a character");
        result_ += '-';
        const bool escaped = text_[at_] == U'\\';
        if (text_[at_] == U'[' || text_[at_] == U'-')
          refuse("has a range that does not end with a character");
        const size_t before = at_++;
        const std::string end = escaped ? escape(true) : escaped_point(text_[before]);
        if (!end.starts_with("\\x{") || end.find('-') != std::string::npos) {
          refuse("has a range that does not end with a character");
        }
        result_ += end;
        single_ = false;
        continue;
      }
      const std::string part = point == U'\\' ? escape(true) : escaped_point(point);
      single_ = part.starts_with("\\x{") && part.find('-') == std::string::npos;
      result_ += part;
    }
    ++at_;
    single_ = false;
    result_ += ']';
  }

  std::string shown_;
  const std::string& place_;
  std::u32string text_;
  size_t at_ = 0;
  bool quantifiable_ = false;
  bool single_ = false;       // the last part of a class is one character
  std::vector<bool> groups_;  // that are open: whether each begins to ignore case
  int ignore_case_ = 0;
  std::string result_;
};

}  // namespace

std::string translated_pattern(const std::string& pattern, const std::string& place) {
  return PatternTranslator(pattern, place).run();
}

}  // namespace reel::models
