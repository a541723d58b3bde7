// The sampling loop and the noise it starts from.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "attention/processor.h"
#include "guidance/scheduler.h"
#include "models/denoiser.h"

namespace reel::guidance {

/// Both may be empty; either may throw to cancel the run.
struct SamplingCallbacks {
  std::function<void(const Step&)> before_step;
  /// `estimate`: the clean latent as the model sees it now, for previews.
  std::function<void(const Step&, const at::Tensor& estimate)> after_step;
};

/// From noise to a clean latent: one prediction and one scheduler step for each of scheduler.steps().
/// Afterwards the edits are told that the run is over. Shapes: noise, of unit variance, and result [R, C, F,
/// H, W], f32, on the noise's device. Throws: whatever the denoiser, the scheduler or a callback throws; the
/// edits' finish() is then not called.
at::Tensor sample(models::Denoiser& denoiser, Scheduler& scheduler, const models::Conditioning& condition,
                  const at::Tensor& noise, const NoiseSource& step_noise, attention::Processor& attend,
                  const SamplingCallbacks& callbacks = {});

/// A stream of normal numbers, drawn on the CPU so that a seed means the same on every device. The first draw
/// equals torch.randn(shape, generator=torch.Generator().manual_seed(seed)), later ones those that follow it
/// there.
class SeededNoise {
 public:
  explicit SeededNoise(uint64_t seed);
  /// f32, moved to `device`.
  at::Tensor draw(at::IntArrayRef shape, at::Device device = at::kCPU);
  /// Draws in the order of the calls. Copies share the stream, and outlive this object.
  NoiseSource source(std::vector<int64_t> shape, at::Device device = at::kCPU) const;

 private:
  at::Generator generator_;  // copies share the state
};

/// The first draw of SeededNoise(seed).
at::Tensor seeded_noise(uint64_t seed, at::IntArrayRef shape);

}  // namespace reel::guidance
