#include "pipeline/text_words.h"

#include <cctype>

namespace reel::pipeline {
namespace {

bool in_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte);
}

}  // namespace

std::vector<std::string> lower_words(std::string_view text, std::string_view inside) {
  std::vector<std::string> words;
  for (size_t i = 0; i < text.size();) {
    std::string word;
    for (; i < text.size(); ++i) {
      const bool joins = !word.empty() && inside.find(text[i]) != std::string_view::npos &&
                         i + 1 < text.size() && in_word(text[i + 1]);
      if (!in_word(text[i]) && !joins) break;
      const auto byte = static_cast<unsigned char>(text[i]);
      word += byte < 0x80 ? static_cast<char>(std::tolower(byte)) : text[i];
    }
    if (word.empty())
      ++i;
    else
      words.push_back(std::move(word));
  }
  return words;
}

std::vector<std::string> singular_forms(const std::string& word) {
  std::vector<std::string> forms;
  const auto replace = [&](const std::string& end, const std::string& by) {
    if (word.size() > end.size() + 1 && word.ends_with(end))
      forms.push_back(word.substr(0, word.size() - end.size()) + by);
  };
  replace("men", "man");
  replace("ies", "y");
  for (const char* end : {"ses", "xes", "zes", "ches", "shes", "oes"})
    replace(end, std::string(end).substr(0, std::string(end).size() - 2));
  replace("s", "");
  return forms;
}

}  // namespace reel::pipeline
