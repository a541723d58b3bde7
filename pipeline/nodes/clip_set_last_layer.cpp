// CLIPSetLastLayer: leaves out the text encoder's last layers ("clip skip").
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

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
                  .range = Range{-24, -1}}};
  node.outputs = {{.name = "CLIP", .type = "CLIP"}};
  node.run = [](const Inputs& inputs, RunContext&) -> std::vector<Value> {
    ClipHandle clip = inputs.get<ClipHandle>("clip");
    clip.clip_skip = static_cast<int>(-1 - inputs.integer("stop_at_clip_layer"));
    return {clip};
  };
  node.light = true;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
