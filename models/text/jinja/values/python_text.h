// Text as Python's str has it: characters are code points, white space and case follow its tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/jinja/values/template_fault.h"

namespace reel::models::jinja {

/// White space of str.isspace and of \s in its regular expressions: 29 code points.
bool is_python_space(char32_t point);
/// Whether repr shows it as it is.
bool is_printable(char32_t point);
bool is_cased(char32_t point);
bool is_upper(char32_t point);
bool is_lower(char32_t point);
bool is_title(char32_t point);

/// str.upper, str.lower, str.title, str.capitalize; one character may become three.
std::string upper_text(std::string_view text);
std::string lower_text(std::string_view text);
std::string title_text(std::string_view text);
std::string capitalized_text(std::string_view text);

/// How many code points there are, and the byte where the code point `index` begins (the end if there are fewer).
int64_t length_of(std::string_view text);
size_t byte_of(std::string_view text, int64_t index);

enum class Side { kBoth, kLeft, kRight };
/// str.strip, lstrip, rstrip; `characters` absent: white space.
std::string strip_text(std::string_view text, std::optional<std::string_view> characters,
                       Side side = Side::kBoth);

/// str.split; `separator` absent: runs of white space, and none at the ends. `most`: at most so many cuts, -1: all.
/// Throws: Fault kType if the separator is empty.
std::vector<std::string> split_text(std::string_view text, std::optional<std::string_view> separator,
                                    int64_t most);
/// str.rsplit.
std::vector<std::string> split_text_right(std::string_view text, std::optional<std::string_view> separator,
                                          int64_t most);
/// str.splitlines: all of Python's ends of lines.
std::vector<std::string> lines_of(std::string_view text, bool keep_ends);

/// str.replace; `most` -1: all. An empty `from` stands between all characters.
std::string replace_text(std::string_view text, std::string_view from, std::string_view to, int64_t most,
                         Budget& budget);
/// How often `part` occurs without overlap.
int64_t count_text(std::string_view text, std::string_view part);

/// repr of a str: in quotes, with escapes.
std::string quoted_text(std::string_view text);

}  // namespace reel::models::jinja
