#include "app/caption/caption_lines.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "pipeline/evaluation/hallucination/pope.h"

namespace reel::app {
namespace {

using Line = nlohmann::ordered_json;

/// Names of files need not be UTF-8, which JSON must be.
std::string written(const Line& line) { return line.dump(-1, ' ', false, Line::error_handler_t::replace); }

Line begin(const pipeline::BatchInput& input, size_t index) {
  Line line = {{"input", input.path}, {"index", index}};
  if (input.prompt) line["prompt"] = *input.prompt;
  return line;
}

const char* name_of(guidance::FinishReason reason) {
  if (reason == guidance::FinishReason::kStop) return "stop";
  return reason == guidance::FinishReason::kText ? "stop_string" : "length";
}

}  // namespace

std::string caption_line(const pipeline::BatchInput& input, size_t index, const pipeline::Caption& caption,
                         const CaptionFacts& facts) {
  Line line = begin(input, index);
  line["caption"] = caption.text;
  if (facts.yesno) line["answer"] = evaluation::says_yes(caption.text) ? "yes" : "no";
  line["tokens"] = caption.ids.size();
  line["finish_reason"] = name_of(caption.reason);
  line["seconds"] = std::round(caption.seconds * 1000) / 1000;
  if (caption.unfamiliar) line["unfamiliar"] = true;
  line["model"] = facts.model;
  line["edits"] = facts.edits;
  if (facts.token_ids) line["token_ids"] = caption.ids;
  return written(line);
}

std::string fault_line(const pipeline::BatchInput& input, size_t index, const pipeline::CaptionFault& fault) {
  Line line = begin(input, index);
  line["error"] = {{"kind", fault.kind}, {"message", fault.message}};
  return written(line);
}

pipeline::Batch::Found recognise_line(const std::string& line, size_t index,
                                      const pipeline::BatchInput& input) {
  const Line found = Line::parse(line, nullptr, /*allow_exceptions=*/false);
  const Line expected = Line::parse(written(begin(input, index)));
  if (!found.is_object() || found.contains("caption") == found.contains("error")) return {};
  for (const auto& [key, value] : expected.items()) {
    if (!found.contains(key) || found[key] != value) return {};
  }
  return {.matches = true, .failed = found.contains("error")};
}

std::string text_of_line(const std::string& line) {
  const Line found = Line::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!found.is_object() || !found.contains("caption") || !found["caption"].is_string()) return "";
  return found["caption"];
}

}  // namespace reel::app
