// Words of a text, and what plural rules make of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reel::pipeline {

/// The words of a text in order, ASCII letters in lower case. A word is letters, digits and bytes beyond ASCII; `inside`:
/// signs that belong to a word if they stand between two of these.
std::vector<std::string> lower_words(std::string_view text, std::string_view inside = "");

/// What English plural rules make of a lower-case word, the likeliest first: "foxes" -> "fox", "foxe". Empty if no rule
/// fits. Words that look like plurals are not known: "bus" -> "bu".
std::vector<std::string> singular_forms(const std::string& word);

}  // namespace reel::pipeline
