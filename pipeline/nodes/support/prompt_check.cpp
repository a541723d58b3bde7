#include "pipeline/nodes/support/prompt_check.h"

#include <algorithm>

#include "models/files/refuse.h"
#include "pipeline/text_words.h"

namespace reel::pipeline {
namespace {

constexpr size_t kMostListed = 6;

}  // namespace

std::vector<std::string> words_beyond(const std::vector<std::string>& known, const std::string& prompt) {
  std::vector<std::string> beyond;
  for (const std::string& word : lower_words(prompt)) {
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
  context.warn("the model was not trained on " + models::few_of(beyond, kMostListed) +
               ", and what it makes of that is chance; 'reel models info " + clip.folder->path +
               "' lists the words that it knows");
}

}  // namespace reel::pipeline
