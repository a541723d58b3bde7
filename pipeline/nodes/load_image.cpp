// LoadImage: a picture file as an IMAGE of one picture, as Python's image processors see it.
#include "pipeline/foresight/foresight.h"
#include "pipeline/media/stills/read_picture.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

void register_load_image(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"LoadImage", "Reads a picture.", "ComfyUI's LoadImage"};
  node.category = "image";
  node.inputs = {
      {.name = "image",
       .type = "STRING",
       .help = "file: JPEG, PNG, WebP, BMP, TIFF, GIF, .ppm, .y4m (its first frame) or safetensors",
       .file = true}};
  node.outputs = {{.name = "IMAGE", .type = "IMAGE"}};
  node.foresee = [](const Inputs& inputs, Foresight& foresight) -> std::vector<Value> {
    if (!inputs.has("image")) return {};
    const media::PictureSize size = media::picture_size(inputs.text("image"));
    foresight.transient(size.height * size.width * 3);
    return {
        Images{at::empty({1, size.height, size.width, 3}, at::TensorOptions(at::kFloat).device(at::kMeta))}};
  };
  node.run = [](const Inputs& inputs, RunContext&) -> std::vector<Value> {
    return {Images{media::read_picture(inputs.text("image")).unsqueeze(0).to(at::kFloat).div_(255)}};
  };
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
