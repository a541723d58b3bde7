// CLIPTextEncode: a prompt as conditioning.
#include <c10/core/InferenceMode.h>

#include "pipeline/nodes/support/prompt_check.h"
#include "pipeline/run/model_cache.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

std::vector<Value> run(const Inputs& inputs, RunContext& context) {
  const c10::InferenceMode inference;
  const ClipHandle& clip = inputs.get<ClipHandle>("clip");
  const auto encoder =
      context.models->text_encoder(clip, [&](const std::string& text) { context.warn(text); });
  const std::string& text = inputs.text("text");
  check_prompts({{0, text}}, clip, *encoder, context);
  return {PromptContext{encoder->encode({text}, clip.clip_skip).to(at::kFloat)}};
}

}  // namespace

void register_clip_text_encode(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"CLIPTextEncode", "Encodes a prompt.", "ComfyUI's CLIPTextEncode"};
  node.category = "conditioning";
  node.inputs = {{.name = "text", .type = "STRING", .help = "the prompt", .multiline = true},
                 {.name = "clip", .type = "CLIP"}};
  node.outputs = {{.name = "CONDITIONING", .type = "CONDITIONING"}};
  node.run = run;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
