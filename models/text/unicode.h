// Unicode as the Hugging Face tokenizers see it: canonical composition, lower case, classes. The
// library mixes three versions of Unicode, so no system library gives its answers: unicode_tables.py makes
// the tables.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reel::models {

/// Normalisation form C, of Unicode 9.
std::u32string compose(std::u32string text);
/// Lower case of Unicode 17, of each code point by itself: no rule looks at its neighbours (a final sigma
/// becomes U+03C3). U+0130 becomes two.
std::u32string lower_case(std::u32string_view text);

/// The classes below as ranges, both ends included.
enum class CharacterClass { kLetter, kNumber, kSpace, kWord };
std::vector<std::pair<char32_t, char32_t>> ranges_of(CharacterClass which);

bool is_letter(char32_t point);  // \p{L} of Unicode 16
bool is_number(char32_t point);  // \p{N} of Unicode 16
bool is_space(char32_t point);   // \s, the 25 code points of White_Space
bool is_word(char32_t point);    // \w of Unicode 16

}  // namespace reel::models
