// RescaleCFG: brings the guided prediction's deviation back towards the conditional one's.
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

void register_rescale_cfg(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"RescaleCFG", "Restores part of the deviation that guidance inflates.",
               "Lin et al., Common Diffusion Noise Schedules and Sample Steps are Flawed, 2024, section 3.4"};
  node.category = "model_patches";
  node.inputs = {{.name = "model", .type = "MODEL"},
                 {.name = "multiplier",
                  .type = "FLOAT",
                  .help = "0: off, 1: all of it",
                  .default_value = 0.7,
                  .range = Range{0, 1}}};
  node.outputs = {{.name = "MODEL", .type = "MODEL"}};
  node.run = [](const Inputs& inputs, RunContext&) -> std::vector<Value> {
    ModelHandle model = inputs.get<ModelHandle>("model");
    model.guiders = guidance::with_guider(std::move(model.guiders),
                                          "cfg:rescale=" + to_text(inputs.number("multiplier")));
    return {model};
  };
  node.light = true;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
