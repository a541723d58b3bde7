#include "attention/edits/support/band_filter.h"

#include <numbers>
#include <stdexcept>

namespace reel::attention {

at::Tensor high_band(int64_t frames, int64_t tau) {
  const int64_t most = frames / 2 - 1;
  if (tau < 0 || tau > most) {
    throw std::invalid_argument("[broadway] 'tau' must lie in 0 to " + std::to_string(most) + " for " +
                                std::to_string(frames) + " frames, got " + std::to_string(tau) +
                                "; leave it out, or ask for more frames");
  }
  const at::Tensor frame = at::arange(frames, at::kDouble);
  const at::Tensor distance = frame.unsqueeze(1) - frame;
  at::Tensor projector = at::zeros({frames, frames}, at::kDouble);
  for (int64_t k = 1; k < frames; ++k) {
    if (std::min(k, frames - k) < frames / 2 - tau) continue;
    projector.add_(at::cos(distance * (2 * std::numbers::pi * double(k) / double(frames))));
  }
  return projector / double(frames);
}

}  // namespace reel::attention
