// CompareText: how much of what one text says another says, word by word; for loops that check themselves.
#include <algorithm>
#include <set>

#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

/// Words that name nothing.
const std::set<std::string>& small_words() {
  static const std::set<std::string> words = {"a",   "an", "and", "are",  "at",    "by",   "for", "from",
                                              "in",  "is", "it",  "its",  "of",    "on",   "or",  "that",
                                              "the", "to", "up",  "with", "there", "this", "was", "were"};
  return words;
}

/// "boats" -> "boat", "foxes" -> "fox", "puppies" -> "puppy": both texts are treated alike, so that it is enough if
/// forms of one word meet.
std::string singular(const std::string& word) {
  const auto ends = [&](const char* end) {
    return word.size() > std::string(end).size() + 1 && word.ends_with(end);
  };
  if (ends("ies")) return word.substr(0, word.size() - 3) + "y";
  for (const char* end : {"ches", "shes", "sses", "xes", "zes"}) {
    if (ends(end)) return word.substr(0, word.size() - 2);
  }
  return ends("s") && !ends("ss") && !ends("us") && !ends("is") ? word.substr(0, word.size() - 1) : word;
}

/// The words of a text, in lower case and singular, each once, in order. Letters beyond ASCII are kept as they are.
std::vector<std::string> words_of(const std::string& text, const std::set<std::string>& ignored) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte)) {
      word += byte < 0x80 ? char(std::tolower(byte)) : c;
    } else if (!word.empty()) {
      const std::string form = singular(word);
      if (!ignored.contains(word) && !ignored.contains(form) && std::ranges::find(words, form) == words.end())
        words.push_back(form);
      word.clear();
    }
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::vector<Value> compare(const Inputs& inputs, RunContext& context) {
  std::set<std::string> ignored = small_words();
  for (const std::string& word : words_of(inputs.text("ignore"), {})) ignored.insert(word);
  const std::vector<std::string> expected = words_of(inputs.text("expected"), ignored);
  const std::vector<std::string> said = words_of(inputs.text("text"), ignored);
  if (expected.empty())
    throw std::invalid_argument("[expected] must hold a word that counts, got '" + inputs.text("expected") +
                                "'; give words that name something, or ignore fewer");
  std::vector<std::string> found, missing;
  for (const std::string& word : expected)
    (std::ranges::find(said, word) == said.end() ? missing : found).push_back(word);
  const double share = double(found.size()) / double(expected.size());
  context.report->facts["agreement"] = std::to_string(share);
  context.report->facts["missing"] = joined(missing);
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
