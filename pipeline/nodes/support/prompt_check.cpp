#include "pipeline/nodes/support/prompt_check.h"

#include <algorithm>
#include <cctype>

namespace reel::pipeline {
namespace {

constexpr size_t kMostListed = 6;

bool in_word(unsigned char c) { return c >= 0x80 || std::isalnum(c); }

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  const size_t count = std::min(words.size(), kMostListed);
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "'" : ", '") + words[i] + "'";
  return words.size() > count ? text + " and " + std::to_string(words.size() - count) + " more" : text;
}

}  // namespace

std::vector<std::string> words_beyond(const std::vector<std::string>& known, const std::string& prompt) {
  std::vector<std::string> beyond;
  for (size_t begin = 0; begin < prompt.size();) {
    if (!in_word(prompt[begin])) {
      ++begin;
      continue;
    }
    std::string word;
    for (; begin < prompt.size() && in_word(prompt[begin]); ++begin)
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(prompt[begin])));
    if (std::ranges::find(known, word) == known.end() && std::ranges::find(beyond, word) == beyond.end())
      beyond.push_back(word);
  }
  return beyond;
}

void check_prompts(const guidance::PromptKeys& prompts, const ClipHandle& clip,
                   const models::TextEncoder& encoder, const RunContext& context) {
  std::string all;
  for (const guidance::PromptKey& prompt : prompts) {
    all += prompt.text + "\n";
    const auto tokens = static_cast<int64_t>(encoder.tokenize(prompt.text).size());
    if (tokens > encoder.max_tokens()) {
      context.warn("the prompt has " + std::to_string(tokens) + " tokens, the model reads the first " +
                   std::to_string(encoder.max_tokens()) + "; shorten it");
    }
  }
  const std::vector<std::string>& known = clip.folder->prompt_words;
  if (known.empty()) return;
  const std::vector<std::string> beyond = words_beyond(known, all);
  if (beyond.empty()) return;
  context.warn("the model was not trained on " + listed(beyond) +
               ", and what it makes of that is chance; 'reel models info " + clip.folder->path +
               "' lists the words that it knows");
}

}  // namespace reel::pipeline
