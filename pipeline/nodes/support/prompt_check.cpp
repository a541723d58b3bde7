#include "pipeline/nodes/support/prompt_check.h"

#include <algorithm>
#include <map>
#include <optional>

#include "models/files/refuse.h"
#include "pipeline/text_words.h"

namespace reel::pipeline {
namespace {

constexpr size_t kMostListed = 6;

/// "1 to 2", "1".
std::string range_of(const models::PromptPart& part) {
  const std::string least = std::to_string(part.least);
  return part.least == part.most ? least : least + " to " + std::to_string(part.most);
}

void check_parts(const std::vector<models::PromptPart>& parts, const std::string& prompt,
                 const RunContext& context) {
  if (lower_words(prompt).empty()) return;  // such as an empty negative prompt
  const std::vector<int64_t> counts = count_parts(parts, prompt);
  for (size_t p = 0; p < parts.size(); ++p) {
    if (counts[p] >= parts[p].least && counts[p] <= parts[p].most) continue;
    context.warn("the model was trained on texts that name " + range_of(parts[p]) + " " + parts[p].name +
                 ", and this prompt names " + std::to_string(counts[p]) +
                 "; what it makes of that is chance");
  }
}

}  // namespace

std::vector<std::string> words_beyond(const std::vector<std::string>& known, const std::string& prompt) {
  std::vector<std::string> beyond;
  for (const std::string& word : lower_words(prompt)) {
    if (std::ranges::find(known, word) == known.end() && std::ranges::find(beyond, word) == beyond.end())
      beyond.push_back(word);
  }
  return beyond;
}

std::vector<int64_t> count_parts(const std::vector<models::PromptPart>& parts, const std::string& prompt) {
  const std::vector<std::string> words = lower_words(prompt);
  std::map<std::string, size_t> part_of;
  size_t longest = 1;  // words of a phrase
  for (size_t p = 0; p < parts.size(); ++p) {
    for (const std::string& phrase : parts[p].phrases) {
      part_of.emplace(phrase, p);
      longest = std::max(longest, lower_words(phrase).size());
    }
  }
  std::vector<int64_t> counts(parts.size());
  for (size_t at = 0; at < words.size();) {
    size_t taken = 0;
    std::string phrase;
    std::optional<size_t> part;
    for (size_t length = 1; length <= longest && at + length <= words.size(); ++length) {
      phrase += (length > 1 ? " " : "") + words[at + length - 1];
      if (const auto found = part_of.find(phrase); found != part_of.end())
        taken = length, part = found->second;
    }
    if (part) ++counts[*part];
    at += std::max<size_t>(taken, 1);
  }
  return counts;
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
    check_parts(clip.folder->prompt_parts, prompt.text, context);
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
