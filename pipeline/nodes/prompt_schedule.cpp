// PromptSchedule: a video synopsis. Prompts at chosen frames become one context per frame.
#include <c10/core/InferenceMode.h>

#include <sstream>

#include "guidance/prompt_schedule.h"
#include "pipeline/nodes/support/prompt_check.h"
#include "pipeline/nodes/support/schedule_sockets.h"
#include "pipeline/run/model_cache.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

/// Reads lines `FRAME: TEXT`.
guidance::PromptKeys parse_keys(const std::string& text) {
  guidance::PromptKeys keys;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const size_t colon = line.find(':');
    const std::string number = line.substr(0, colon);
    if (colon == std::string::npos || number.empty() || number.size() > 9 ||
        number.find_first_not_of("0123456789") != std::string::npos) {
      throw std::invalid_argument("[PromptSchedule] a key is written FRAME:TEXT, one a line, got '" + line +
                                  "'; for example 0:a dog on grass");
    }
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    keys.push_back({std::stoll(number), begin == std::string::npos ? "" : line.substr(begin)});
  }
  return keys;
}

std::vector<Value> run(const Inputs& inputs, RunContext& context) {
  const c10::InferenceMode inference;
  const ClipHandle& clip = inputs.get<ClipHandle>("clip");
  const auto encoder =
      context.models->text_encoder(clip, [&](const std::string& text) { context.warn(text); });
  const auto keys = parse_keys(inputs.text("keys"));
  check_prompts(keys, clip, *encoder, context);
  return {PromptContext{guidance::schedule_prompts(keys, inputs.integer("length"), *encoder, blend_of(inputs),
                                                   clip.clip_skip)}};
}

}  // namespace

void register_prompt_schedule(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"PromptSchedule", "Encodes prompts at chosen frames: each frame gets a context of its own.",
               "video synopsis prompting (VSTAR, 2024)"};
  node.category = "conditioning";
  node.inputs = {{.name = "keys", .type = "STRING", .help = "one FRAME:TEXT a line", .multiline = true},
                 {.name = "clip", .type = "CLIP"},
                 length_socket(),
                 blend_socket("keys")};
  node.outputs = {{.name = "CONDITIONING", .type = "CONDITIONING"}};
  node.run = run;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
