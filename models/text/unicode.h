// Unicode as the Hugging Face tokenizers see it: UTF-8, canonical composition, lower case, classes. The
// library mixes three versions of Unicode, so no system library gives its answers: unicode_tables.py makes
// the tables.
#pragma once

#include <string>
#include <string_view>

namespace reel::models {

/// UTF-8 -> code points. Bytes that are no UTF-8 become U+FFFD, one for each longest start of a character
/// that they hold (what Python's errors="replace" and Rust's from_utf8_lossy do).
std::u32string from_utf8(std::string_view text);
void append_utf8(std::string& text, char32_t point);
std::string to_utf8(std::u32string_view text);

/// Normalisation form C, of Unicode 9.
std::u32string compose(std::u32string text);
/// Lower case of Unicode 17, of each code point by itself: no rule looks at its neighbours (a final sigma
/// becomes U+03C3). U+0130 becomes two.
std::u32string lower_case(std::u32string_view text);

bool is_letter(char32_t point);  // \p{L} of Unicode 16
bool is_number(char32_t point);  // \p{N} of Unicode 16
bool is_space(char32_t point);   // \s, the 25 code points of White_Space
bool is_word(char32_t point);    // \w of Unicode 16

}  // namespace reel::models
