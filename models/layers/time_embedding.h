// Timesteps as vectors of sinusoids.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::models {

/// Sinusoidal embedding of timesteps [R] -> f32 [R, width]. `cosines_first`: diffusers' flip_sin_to_cos;
/// `frequency_shift`: its downscale_freq_shift.
at::Tensor timestep_embedding(const at::Tensor& timesteps, int64_t width, bool cosines_first = true,
                              double frequency_shift = 0);

}  // namespace reel::models
