// Above 300 lines because the kinds of tags and tokens are one class that shares its place in the text.
#include "models/text/jinja/syntax/template_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "models/files/utf8.h"
#include "models/text/jinja/syntax/string_literal.h"
#include "models/text/jinja/values/python_text.h"
#include "models/text/unicode.h"

namespace reel::models::jinja {

namespace {

using View = std::u32string_view;
constexpr size_t kNone = View::npos;

// Line breaks of all systems become \n; one at the end of the template goes.
std::u32string with_plain_newlines(const std::u32string& source) {
  std::u32string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == U'\r') {
      text += U'\n';
      if (i + 1 < source.size() && source[i + 1] == U'\n') ++i;
    } else {
      text += source[i];
    }
  }
  if (!text.empty() && text.back() == U'\n') text.pop_back();
  return text;
}

bool is_digit(char32_t point) { return point >= U'0' && point <= U'9'; }
bool starts_name(char32_t point) { return point == U'_' || is_letter(point); }
bool continues_name(char32_t point) { return is_word(point); }

class Lexer {
 public:
  explicit Lexer(std::u32string source) : source_(std::move(source)), text_(source_) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) read_data();
    push(Token::Kind::kEnd);
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw Fault(FaultKind::kSyntax, message, line_);
  }

  bool starts(View sign) const { return text_.substr(at_).starts_with(sign); }
  size_t spaces_from(size_t at) const {
    while (at < text_.size() && is_python_space(text_[at])) ++at;
    return at;
  }
  void advance(size_t to) {
    line_ += static_cast<int>(std::count(text_.begin() + at_, text_.begin() + to, U'\n'));
    at_ = to;
  }
  Token& push(Token::Kind kind) {
    tokens_.push_back({kind, line_});
    return tokens_.back();
  }
  void push_data(View data) {
    if (!data.empty()) push(Token::Kind::kData).text = to_utf8(data);
  }

  // Text up to the next tag, and that tag's begin.
  void read_data() {
    size_t tag = at_;
    while (tag + 1 < text_.size() && !(text_[tag] == U'{' && View(U"%#{").find(text_[tag + 1]) != kNone))
      ++tag;
    if (tag + 1 >= text_.size()) {
      push_data(text_.substr(at_));
      advance(text_.size());
      return;
    }
    const char32_t kind = text_[tag + 1];
    const char32_t sign = tag + 2 < text_.size() ? text_[tag + 2] : U'\0';
    const bool signed_tag = sign == U'-' || sign == U'+';
    push_data(before_tag(text_.substr(at_, tag - at_), sign, kind != U'{'));
    advance(tag);
    const size_t inside = tag + 2 + signed_tag;
    if (kind == U'#') {
      skip_comment(inside);
    } else if (const size_t raw = kind == U'%' ? raw_begin(inside) : kNone; raw != kNone) {
      advance(raw);
      read_raw();
    } else {
      push(kind == U'{' ? Token::Kind::kVariableBegin : Token::Kind::kBlockBegin);
      advance(inside);
      read_expression(kind == U'{');
    }
  }

  // The text in front of a tag without what the tag takes of it. `strips`: lstrip_blocks is for tags of its kind.
  View before_tag(View data, char32_t sign, bool strips) const {
    if (sign == U'-') {
      while (!data.empty() && is_python_space(data.back())) data.remove_suffix(1);
      return data;
    }
    if (sign == U'+' || !strips) return data;
    const size_t line = data.rfind(U'\n') + 1;  // 0 if there is none
    if (line == 0 && !line_starting_) return data;
    const View rest = data.substr(line);
    return std::all_of(rest.begin(), rest.end(), is_python_space) ? data.substr(0, line) : data;
  }

  // Where the end of a tag that begins with `close` ("%}" or "#}") leaves off, if one is at `at`: kNone if none is.
  size_t tag_end(size_t at, View close) const {
    const View rest = text_.substr(at);
    if (rest.starts_with(U"-") && rest.substr(1).starts_with(close))
      return spaces_from(at + 1 + close.size());
    if (rest.starts_with(U"+") && rest.substr(1).starts_with(close)) return at + 1 + close.size();
    if (!rest.starts_with(close)) return kNone;
    const size_t end = at + close.size();
    return end < text_.size() && text_[end] == U'\n' ? end + 1 : end;
  }

  void end_tag(size_t to) {
    line_starting_ = text_[to - 1] == U'\n';
    advance(to);
  }

  void skip_comment(size_t inside) {
    for (size_t at = inside; at < text_.size(); ++at) {
      if (const size_t end = tag_end(at, U"#}"); end != kNone) return end_tag(end);
    }
    fail("has a comment without its end, #}");
  }

  // The end of `{% raw %}` whose inside begins at `at`; kNone if it is another tag.
  size_t raw_begin(size_t at) const {
    at = spaces_from(at);
    if (!text_.substr(at).starts_with(U"raw")) return kNone;
    at = spaces_from(at + 3);
    if (text_.substr(at).starts_with(U"-%}")) return spaces_from(at + 3);
    return text_.substr(at).starts_with(U"%}") ? at + 2 : kNone;
  }

  void read_raw() {
    line_starting_ = text_[at_ - 1] == U'\n';
    for (size_t tag = at_; tag < text_.size(); ++tag) {
      if (!text_.substr(tag).starts_with(U"{%")) continue;
      const char32_t sign = tag + 2 < text_.size() ? text_[tag + 2] : U'\0';
      size_t at = spaces_from(tag + 2 + (sign == U'-' || sign == U'+'));
      if (!text_.substr(at).starts_with(U"endraw")) continue;
      const size_t end = tag_end(spaces_from(at + 6), U"%}");
      if (end == kNone) continue;
      push_data(before_tag(text_.substr(at_, tag - at_), sign, true));
      return end_tag(end);
    }
    fail("has a raw block without its end, {% endraw %}");
  }

  void read_expression(bool variable) {
    while (at_ < text_.size()) {
      if (open_.empty() && end_expression(variable)) return;
      const char32_t point = text_[at_];
      if (is_python_space(point)) {
        advance(spaces_from(at_));
      } else if (is_digit(point)) {
        read_number();
      } else if (starts_name(point)) {
        read_name();
      } else if (point == U'\'' || point == U'"') {
        read_string();
      } else {
        read_operator();
      }
    }
  }

  bool end_expression(bool variable) {
    if (!variable) {
      const size_t end = tag_end(at_, U"%}");
      if (end == kNone) return false;
      push(Token::Kind::kBlockEnd);
      end_tag(end);
      return true;
    }
    if (!starts(U"}}") && !starts(U"-}}")) return false;
    push(Token::Kind::kVariableEnd);
    end_tag(starts(U"}}") ? at_ + 2 : spaces_from(at_ + 3));
    return true;
  }

  void read_name() {
    size_t end = at_;
    while (end < text_.size() && continues_name(text_[end])) ++end;
    push(Token::Kind::kName).text = to_utf8(text_.substr(at_, end - at_));
    advance(end);
  }

  // Digits of which `is` says so, with single underscores between them; the end of the run.
  template <class Is>
  size_t digits_from(size_t at, Is is) const {
    while (at < text_.size()) {
      if (is(text_[at])) {
        ++at;
      } else if (text_[at] == U'_' && at + 1 < text_.size() && is(text_[at + 1])) {
        at += 2;
      } else {
        break;
      }
    }
    return at;
  }

  std::string plain_digits(size_t begin, size_t end) const {
    std::string digits = to_utf8(text_.substr(begin, end - begin));
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    return digits;
  }

  void read_number() {
    const size_t whole = digits_from(at_, is_digit);
    size_t end = whole;
    if (end + 1 < text_.size() && text_[end] == U'.' && is_digit(text_[end + 1]))
      end = digits_from(end + 1, is_digit);
    if (end < text_.size() && (text_[end] == U'e' || text_[end] == U'E')) {
      size_t power = end + 1;
      if (power < text_.size() && (text_[power] == U'+' || text_[power] == U'-')) ++power;
      if (power < text_.size() && is_digit(text_[power])) end = digits_from(power, is_digit);
    }
    const bool after_dot = at_ > 0 && text_[at_ - 1] == U'.';  // x.1.5 counts items
    if (end == whole || after_dot) return read_integer(whole);
    const std::string digits = plain_digits(at_, end);
    Token& token = push(Token::Kind::kFloat);
    std::from_chars(digits.data(), digits.data() + digits.size(), token.number);
    advance(end);
  }

  void read_integer(size_t end) {
    int base = 10;
    size_t begin = at_;
    const char32_t letter = at_ + 1 < text_.size() && text_[at_] == U'0' ? text_[at_ + 1] | 0x20 : U'\0';
    const auto based = [&](int other, auto is) {
      const size_t from = at_ + 2 + (at_ + 2 < text_.size() && text_[at_ + 2] == U'_');
      if (from >= text_.size() || !is(text_[from])) return;
      base = other;
      begin = from;
      end = digits_from(from, is);
    };
    if (letter == U'x') {
      based(16, [](char32_t p) { return is_digit(p) || ((p | 0x20) >= U'a' && (p | 0x20) <= U'f'); });
    }
    if (letter == U'o') based(8, [](char32_t p) { return p >= U'0' && p <= U'7'; });
    if (letter == U'b') based(2, [](char32_t p) { return p == U'0' || p == U'1'; });
    // A number does not begin with 0: "007" is 00 and 7.
    if (base == 10 && text_[at_] == U'0') end = digits_from(at_, [](char32_t p) { return p == U'0'; });
    const std::string digits = plain_digits(begin, end);
    Token& token = push(Token::Kind::kInteger);
    const auto [stop, code] =
        std::from_chars(digits.data(), digits.data() + digits.size(), token.integer, base);
    if (code != std::errc()) fail("has the number " + digits + ", which is beyond 64 bits");
    advance(end);
  }

  void read_string() {
    const char32_t quote = text_[at_];
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == U'\\' ? 2 : 1;
    if (end >= text_.size()) fail("has a text without its closing quote");
    push(Token::Kind::kString).text = string_value(text_.substr(at_ + 1, end - at_ - 1), line_);
    advance(end + 1);
  }

  void read_operator() {
    constexpr std::array<View, 26> kSigns = {U"//", U"**", U"==", U"!=", U">=", U"<=", U"+", U"-", U"/",
                                             U"*",  U"%",  U"~",  U"[",  U"]",  U"(",  U")", U"{", U"}",
                                             U">",  U"<",  U"=",  U".",  U":",  U"|",  U",", U";"};
    const auto* sign = std::find_if(kSigns.begin(), kSigns.end(), [&](View s) { return starts(s); });
    if (sign == kSigns.end())
      fail("has the character '" + to_utf8(text_.substr(at_, 1)) + "' inside of a tag");
    const std::string text = to_utf8(*sign);
    if (text == "(" || text == "[" || text == "{") {
      open_ += text == "(" ? ')' : text == "[" ? ']' : '}';
    } else if (text == ")" || text == "]" || text == "}") {
      if (open_.empty()) fail("closes '" + text + "', which was not opened");
      if (open_.back() != text[0])
        fail(std::string("closes '") + text + "' where '" + open_.back() + "' is due");
      open_.pop_back();
    }
    push(Token::Kind::kOperator).text = text;
    advance(at_ + sign->size());
  }

  std::u32string source_;
  View text_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // nothing but the tag before stands between the line's start and here
  std::string open_;           // closing brackets that are due
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> cut_template(std::string_view utf8) {
  return Lexer(with_plain_newlines(from_utf8(utf8))).run();
}

}  // namespace reel::models::jinja
