// The highest temporal frequencies of an attention row, as a projection.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::attention {

/// The symmetric projector [frames, frames] (f64) onto the frequencies k of a row of `frames` values with
/// min(k, frames - k) >= floor(frames / 2) - tau: x P keeps those of x, which takes no Fourier transform.
/// Range: 0 <= tau <= floor(frames / 2) - 1, so that the mean is never among them and filtered rows sum to 0.
/// Throws: std::invalid_argument for another tau.
at::Tensor high_band(int64_t frames, int64_t tau);

}  // namespace reel::attention
