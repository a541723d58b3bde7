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

/// Reads lines FRAME:TEXT.
guidance::PromptKeys parse_keys(const std::string& text) {
  guidance::PromptKeys keys;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    keys.push_back(guidance::read_prompt_key("PromptSchedule", line));
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
