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

/// Both may be empty. Either may throw to cancel the run.
struct SamplingCallbacks {
  std::function<void(const Step&)> before_step;
  /// `estimate`: the clean latent as the model estimates it at this step, for previews.
  std::function<void(const Step&, const at::Tensor& estimate)> after_step;
};

/// Turns noise into a clean latent: one prediction and one scheduler step for each of scheduler.steps(), then
/// attend.finish(), which tells the edits that the run is over. Shapes: noise (of unit variance) and result
/// [R, C, F, H, W], f32, on the noise's device.
/// Throws: whatever the denoiser, the scheduler or a callback throws; attend.finish() is then not called.
at::Tensor sample(const models::Denoiser& denoiser, Scheduler& scheduler,
                  const models::Conditioning& condition, const at::Tensor& noise,
                  const NoiseSource& step_noise, attention::Processor& attend,
                  const SamplingCallbacks& callbacks = {});

/// A stream of normal numbers, drawn on the CPU so that a seed means the same on every device. The first draw
/// equals torch.randn(shape, generator=torch.Generator().manual_seed(seed)), and later draws equal the later
/// ones of that generator.
class SeededNoise {
 public:
  explicit SeededNoise(uint64_t seed);
  /// f32, moved to `device`.
  at::Tensor draw(at::IntArrayRef shape, at::Device device = at::kCPU);
  /// Draws in the order of the calls. Copies share the stream and may outlive this object.
  NoiseSource source(std::vector<int64_t> shape, at::Device device = at::kCPU) const;

 private:
  at::Generator generator_;  // copies share the state
};

/// The first draw of SeededNoise(seed).
at::Tensor seeded_noise(uint64_t seed, at::IntArrayRef shape);

}  // namespace reel::guidance
