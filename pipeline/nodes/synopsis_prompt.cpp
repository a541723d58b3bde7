// SynopsisPrompt: a video synopsis as one text. Its stages are spread over the frames.
#include <c10/core/InferenceMode.h>

#include "guidance/synopsis.h"
#include "pipeline/nodes/support/prompt_check.h"
#include "pipeline/nodes/support/schedule_sockets.h"
#include "pipeline/run/model_cache.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

std::vector<Value> run(const Inputs& inputs, RunContext& context) {
  const c10::InferenceMode inference;
  const ClipHandle& clip = inputs.get<ClipHandle>("clip");
  const int64_t frames = inputs.integer("length");
  const guidance::PromptKeys stages = guidance::read_synopsis(inputs.text("synopsis"), frames);
  const auto encoder =
      context.models->text_encoder(clip, [&](const std::string& text) { context.warn(text); });
  check_prompts(stages, clip, *encoder, context);
  // One stage is a plain prompt, and is encoded as CLIPTextEncode does: not frame by frame.
  if (stages.size() == 1)
    return {PromptContext{encoder->encode({stages.front().text}, clip.clip_skip).to(at::kFloat)}};
  return {
      PromptContext{guidance::schedule_prompts(stages, frames, *encoder, blend_of(inputs), clip.clip_skip)}};
}

}  // namespace

void register_synopsis_prompt(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"SynopsisPrompt", "Encodes the stages of a synopsis, spread over the frames of the video.",
               "video synopsis prompting (VSTAR, 2024)"};
  node.category = "conditioning";
  node.inputs = {{.name = "synopsis",
                  .type = "STRING",
                  .help = "stages, one a line or between semicolons; FRAME:TEXT to say where each is reached",
                  .multiline = true},
                 {.name = "clip", .type = "CLIP"},
                 length_socket(),
                 blend_socket("stages")};
  node.outputs = {{.name = "CONDITIONING", .type = "CONDITIONING"}};
  node.run = run;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
