// ImagesSideBySide: two videos of the same size in one picture, for comparisons.
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

void register_images_side_by_side(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"ImagesSideBySide", "Puts two videos of the same height and length side by side.", "reel"};
  node.category = "image";
  node.inputs = {{.name = "left", .type = "IMAGE"}, {.name = "right", .type = "IMAGE"}};
  node.outputs = {{.name = "IMAGE", .type = "IMAGE"}};
  node.run = [](const Inputs& inputs, RunContext&) -> std::vector<Value> {
    const at::Tensor& left = inputs.get<Images>("left").pixels;
    const at::Tensor& right = inputs.get<Images>("right").pixels;
    if (left.size(0) != right.size(0) || left.size(1) != right.size(1)) {
      throw std::invalid_argument("[ImagesSideBySide] frames and height must agree, got " +
                                  c10::str(left.sizes()) + " and " + c10::str(right.sizes()) +
                                  "; give both latents the same length and height");
    }
    return {Images{at::cat({left, right}, 2)}};
  };
  node.light = true;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
