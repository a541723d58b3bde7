// Whether the tensors that a LoRA file has for a layer belong together.
#pragma once

#include "models/lora/layer_change.h"

namespace reel::models {

/// Throws: std::runtime_error if the parts are no complete set of one kind, do not fit each other, or are no
/// floating-point numbers.
void check_factors(const LayerChange& change);

}  // namespace reel::models
