#include "guidance/sampling/sampling.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

namespace reel::guidance {

at::Tensor sample(const models::Denoiser& denoiser, Scheduler& scheduler,
                  const models::Conditioning& condition, const at::Tensor& noise,
                  const NoiseSource& step_noise, attention::Processor& attend,
                  const SamplingCallbacks& callbacks) {
  const c10::InferenceMode no_gradients;
  at::Tensor latent = noise.to(at::kFloat) * scheduler.initial_noise_scale();
  const auto state = denoiser.begin(condition);
  for (const Step& step : scheduler.steps()) {
    if (callbacks.before_step) callbacks.before_step(step);
    attend.begin_step(step);
    const at::Tensor input = step.input_scale == 1 ? latent : latent * step.input_scale;
    const at::Tensor prediction = denoiser.predict(input, step, *state, attend);
    latent = scheduler.advance(step, prediction, latent, step_noise);
    // CUDA calls return early; wait, so that progress and times refer to finished steps.
    if (!latent.is_cpu()) latent.flatten()[0].item();
    if (callbacks.after_step) callbacks.after_step(step, scheduler.estimate());
  }
  attend.finish();
  return latent;
}

SeededNoise::SeededNoise(uint64_t seed) : generator_(at::detail::createCPUGenerator(seed)) {}

at::Tensor SeededNoise::draw(at::IntArrayRef shape, at::Device device) {
  return at::randn(shape, generator_, at::TensorOptions(at::kFloat)).to(device);
}

NoiseSource SeededNoise::source(std::vector<int64_t> shape, at::Device device) const {
  return
      [stream = *this, shape = std::move(shape), device](int) mutable { return stream.draw(shape, device); };
}

at::Tensor seeded_noise(uint64_t seed, at::IntArrayRef shape) { return SeededNoise(seed).draw(shape); }

}  // namespace reel::guidance
