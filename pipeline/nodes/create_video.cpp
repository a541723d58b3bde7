// CreateVideo: pictures and a rate as a video; this is where values are rounded to 8 bits.
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

void register_create_video(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"CreateVideo", "Makes a video of pictures.", "ComfyUI's CreateVideo"};
  node.category = "video";
  node.inputs = {{.name = "images", .type = "IMAGE"},
                 {.name = "fps",
                  .type = "FLOAT",
                  .help = "frames a second",
                  .default_value = 8.0,
                  .range = Range{0.01, 1000}}};
  node.outputs = {{.name = "VIDEO", .type = "VIDEO"}};
  node.run = [](const Inputs& inputs, RunContext&) -> std::vector<Value> {
    const at::Tensor& pixels = inputs.get<Images>("images").pixels;
    return {media::Frames{(pixels * 255).round_().to(at::kByte).contiguous(), inputs.number("fps")}};
  };
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
