// CompareText: how much of what one text says another says, word by word; for loops that check themselves.
#include <algorithm>
#include <set>

#include "pipeline/run/run_context.h"
#include "pipeline/text_words.h"

namespace reel::pipeline {
namespace {

/// Words that name nothing.
const std::set<std::string>& small_words() {
  static const std::set<std::string> words = {"a",   "an", "and", "are",  "at",    "by",   "for", "from",
                                              "in",  "is", "it",  "its",  "of",    "on",   "or",  "that",
                                              "the", "to", "up",  "with", "there", "this", "was", "were"};
  return words;
}

/// Whether two words are forms of one: equal, or made equal by plural rules.
bool are_forms(const std::string& a, const std::string& b) {
  std::vector<std::string> of_a = singular_forms(a), of_b = singular_forms(b);
  of_a.push_back(a), of_b.push_back(b);
  return std::ranges::find_first_of(of_a, of_b) != of_a.end();
}

bool has_form_of(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::any_of(words, [&](const std::string& other) { return are_forms(word, other); });
}

/// The words of a text that count, each once, in order.
std::vector<std::string> counting_words(const std::string& text, const std::vector<std::string>& ignored) {
  std::vector<std::string> words;
  for (const std::string& word : lower_words(text)) {
    if (!small_words().contains(word) && !has_form_of(ignored, word) && !has_form_of(words, word))
      words.push_back(word);
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::vector<Value> compare(const Inputs& inputs, RunContext& context) {
  const std::vector<std::string> ignored = lower_words(inputs.text("ignore"));
  const std::vector<std::string> expected = counting_words(inputs.text("expected"), ignored);
  const std::vector<std::string> said = lower_words(inputs.text("text"));
  if (expected.empty())
    throw std::invalid_argument("[expected] must hold a word that counts, got '" + inputs.text("expected") +
                                "'; give words that name something, or ignore fewer");
  std::vector<std::string> found, missing;
  for (const std::string& word : expected) (has_form_of(said, word) ? found : missing).push_back(word);
  const double share = double(found.size()) / double(expected.size());
  context.report->facts["agreement"] = std::to_string(share);
  context.report->facts["missing"] = joined(missing);
  context.report->shown.push_back(
      {.kind = "text",
       .text = c10::str("agreement ", share, "; found: ", found.empty() ? "nothing" : joined(found),
                        missing.empty() ? "" : "; missing: " + joined(missing))});
  return {share, joined(found), joined(missing)};
}

}  // namespace

void register_compare_text(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {
      "CompareText",
      "The share of one text's words that another has: forms of singular and plural are equal, articles and "
      "the like do not count.",
      "reel"};
  node.category = "text";
  node.sink = true;  // people look at what it found
  node.inputs = {
      {.name = "text", .type = "STRING", .help = "what was said", .multiline = true},
      {.name = "expected", .type = "STRING", .help = "what it should say", .multiline = true},
      {.name = "ignore", .type = "STRING", .help = "words that do not count", .default_value = ""}};
  node.outputs = {{.name = "agreement", .type = "FLOAT"},
                  {.name = "found", .type = "STRING"},
                  {.name = "missing", .type = "STRING"}};
  node.run = compare;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
