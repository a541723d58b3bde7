// EmptyLatentVideo: the size of a video to be sampled.
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

void register_empty_latent_video(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"EmptyLatentVideo", "The size of a video to be sampled; the model decides about its channels.",
               "after ComfyUI's empty latents"};
  node.category = "latent";
  node.inputs = {{.name = "width",
                  .type = "INT",
                  .help = "pixels",
                  .default_value = int64_t{512},
                  .range = Range{8, 16384}},
                 {.name = "height",
                  .type = "INT",
                  .help = "pixels",
                  .default_value = int64_t{512},
                  .range = Range{8, 16384}},
                 {.name = "length",
                  .type = "INT",
                  .help = "frames",
                  .default_value = int64_t{16},
                  .range = Range{1, 4096}},
                 {.name = "batch_size",
                  .type = "INT",
                  .help = "videos",
                  .default_value = int64_t{1},
                  .range = Range{1, 64}}};
  node.outputs = {{.name = "LATENT", .type = "LATENT"}};
  node.run = [](const Inputs& inputs, RunContext&) -> std::vector<Value> {
    Latent latent;
    latent.batch = inputs.integer("batch_size"), latent.frames = inputs.integer("length");
    latent.height = inputs.integer("height"), latent.width = inputs.integer("width");
    return {latent};
  };
  node.light = true;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
