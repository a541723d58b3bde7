// CreateVideo: pictures and a rate as a video; this is where values are rounded to 8 bits.
#include "pipeline/foresight/foresight.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

std::vector<Value> create_video(const Inputs& inputs, RunContext&) {
  const at::Tensor& pixels = inputs.get<Images>("images").pixels;
  return {media::Frames{(pixels * 255).round_().to(at::kByte).contiguous(), inputs.number("fps")}};
}

}  // namespace

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
  node.foresee = [](const Inputs& inputs, Foresight& foresight) -> std::vector<Value> {
    if (!inputs.has("images")) return {};
    // Rounded values are f32 before they are bytes.
    foresight.transient(static_cast<int64_t>(inputs.get<Images>("images").pixels.nbytes()));
    return create_video(inputs, foresight.context());
  };
  node.run = create_video;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
