#include "models/vision/projector.h"

namespace reel::models {

Projector::Projector(const Weights& weights, const ProjectorOptions& options)
    : activation_(parse_activation(weights.path(), options.activation)) {
  for (int64_t i = 0; i < options.layers; ++i) {
    layers_.push_back(Linear::load(weights.scope("linear_" + std::to_string(i + 1)),
                                   i == 0 ? options.in : options.out, options.out, options.bias));
  }
}

at::Tensor Projector::operator()(const at::Tensor& features) const {
  at::Tensor x = features;
  for (size_t i = 0; i < layers_.size(); ++i) x = layers_[i](i == 0 ? x : activate(activation_, x));
  return x;
}

}  // namespace reel::models
