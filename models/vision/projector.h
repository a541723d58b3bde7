// From the width of a vision tower to that of a language model: linear layers with an activation between them.
#pragma once

#include <string>
#include <vector>

#include "models/layers/activation.h"
#include "models/layers/linear.h"

namespace reel::models {

struct ProjectorOptions {
  int64_t in = 1024, out = 4096, layers = 2;
  bool bias = true;
  std::string activation = "gelu";
};

/// [..., in] -> [..., out].
class Projector {
 public:
  /// Layers are `linear_1`, `linear_2`, ...
  Projector(const Weights& weights, const ProjectorOptions& options);
  at::Tensor operator()(const at::Tensor& features) const;

 private:
  Activation activation_;
  std::vector<Linear> layers_;
};

}  // namespace reel::models
