// LoraLoader: adds a low-rank adapter to a model and its text encoder; merged when their weights are loaded.
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

void register_lora_loader(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"LoraLoader", "Adds a LoRA (diffusers, peft or kohya layout) to a model and its text encoder.",
               "ComfyUI's LoraLoader"};
  node.category = "loaders";
  node.inputs = {{.name = "model", .type = "MODEL"},
                 {.name = "clip", .type = "CLIP"},
                 {.name = "lora_name", .type = "STRING", .help = "LoRA file", .file = true},
                 {.name = "strength_model", .type = "FLOAT", .default_value = 1.0, .range = Range{-20, 20}},
                 {.name = "strength_clip", .type = "FLOAT", .default_value = 1.0, .range = Range{-20, 20}}};
  node.outputs = {{.name = "MODEL", .type = "MODEL"}, {.name = "CLIP", .type = "CLIP"}};
  node.run = [](const Inputs& inputs, RunContext&) -> std::vector<Value> {
    ModelHandle model = inputs.get<ModelHandle>("model");
    ClipHandle clip = inputs.get<ClipHandle>("clip");
    model.loras.push_back({inputs.text("lora_name"), inputs.number("strength_model")});
    clip.loras.push_back({inputs.text("lora_name"), inputs.number("strength_clip")});
    return {model, clip};
  };
  node.light = true;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
