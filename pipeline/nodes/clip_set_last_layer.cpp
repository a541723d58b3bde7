// CLIPSetLastLayer: leaves out the text encoder's last layers ("clip skip").
#include "pipeline/run/model_cache.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

/// Without weights: foresight runs this node, too, since it is light.
std::vector<Value> run(const Inputs& inputs, RunContext& context) {
  ClipHandle clip = inputs.get<ClipHandle>("clip");
  clip.clip_skip = static_cast<int>(-1 - inputs.integer("stop_at_clip_layer"));
  const int layers = context.models->text_layers(clip);
  if (clip.clip_skip > layers) {
    throw std::invalid_argument(
        "[stop_at_clip_layer] this model's text encoder has " + std::to_string(layers) +
        " layers: it must lie in " + std::to_string(-1 - layers) + " to -1 (clip skip 0 to " +
        std::to_string(layers) + "), got " + std::to_string(-1 - clip.clip_skip) + " (clip skip " +
        std::to_string(clip.clip_skip) + "); -2 takes the layer before the last");
  }
  return {clip};
}

}  // namespace

void register_clip_set_last_layer(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"CLIPSetLastLayer", "Stops the text encoder at an earlier layer.",
               "ComfyUI's CLIPSetLastLayer"};
  node.category = "conditioning";
  node.inputs = {{.name = "clip", .type = "CLIP"},
                 {.name = "stop_at_clip_layer",
                  .type = "INT",
                  .help = "-1 is the last layer, -2 the one before it",
                  .default_value = int64_t{-1},
                  .range = Range{-1 - kMostClipSkip, -1}}};
  node.outputs = {{.name = "CLIP", .type = "CLIP"}};
  node.run = run;
  node.light = true;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
