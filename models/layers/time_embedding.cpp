#include "models/layers/time_embedding.h"

namespace reel::models {

at::Tensor timestep_embedding(const at::Tensor& timesteps, int64_t width, bool cosines_first,
                              double frequency_shift) {
  if (timesteps.size(0) > 1) {  // each by itself: the last bits of sines depend on how many are taken at once
    std::vector<at::Tensor> rows;
    for (const at::Tensor& one : timesteps.split(1))
      rows.push_back(timestep_embedding(one, width, cosines_first, frequency_shift));
    return at::cat(rows);
  }
  const int64_t half = width / 2;
  const auto options = at::TensorOptions(at::kFloat).device(timesteps.device());
  const at::Tensor exponent =
      at::arange(half, options) * -std::log(10000.0) / (static_cast<double>(half) - frequency_shift);
  const at::Tensor angles = timesteps.to(at::kFloat).unsqueeze(1) * at::exp(exponent).unsqueeze(0);
  at::Tensor embedding = cosines_first ? at::cat({at::cos(angles), at::sin(angles)}, 1)
                                       : at::cat({at::sin(angles), at::cos(angles)}, 1);
  if (width % 2) embedding = at::constant_pad_nd(embedding, {0, 1});
  return embedding;
}

}  // namespace reel::models
