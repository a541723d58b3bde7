// Recorded attention maps as pictures.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace reel::pipeline {

/// Pictures of maps named `<site>/step<n>` ([R, Nq, Nk], [R, heads, Nq, Nk] or larger: averaged down to [Nq,
/// Nk] over conditional rows, the last ones): one frame per step, in which each site has a square of `cell`
/// pixels, row by row in order of execution as the map lists them. Brightness is attention relative to the
/// frame's largest value of that site. Returns f32 [steps, H, W, 3] in [0, 1]. Throws: std::invalid_argument
/// if there are no maps.
at::Tensor draw_attention_maps(const std::map<std::string, at::Tensor>& maps, int64_t cell = 96);

}  // namespace reel::pipeline
