// `euler_ancestral`: Euler steps that go below the next noise level and add fresh noise back up to it.
#include <algorithm>
#include <cmath>

#include "guidance/sampling/sigma_schedule.h"
#include "guidance/scheduler_options.h"
#include "guidance/tabled_scheduler.h"

namespace reel::guidance {
namespace {

/// Source: ancestral sampling as in DDPM (2006.11239), written in sigmas: down^2 + up^2 = next^2.
class EulerAncestral : public TabledScheduler {
 public:
  EulerAncestral(const models::Config& config, int steps, const ParamValues& options)
      : TabledScheduler("euler_ancestral"), noise_(read_noise_schedule(config, options, {})) {
    check_steps(name_, steps, noise_.train_steps());
    if (noise_.prediction == Prediction::kSample) {
      throw std::runtime_error(
          "[" + noise_.place +
          "] euler_ancestral needs a network that predicts noise or velocity, got prediction "
          "'sample'; use euler or ddim");
    }
    const std::vector<double> table = training_sigmas(noise_);
    const std::vector<double> timesteps = spaced_timesteps(noise_, steps, /*whole=*/false);
    for (const double timestep : timesteps)
      sigmas_.push_back(static_cast<float>(interpolate(table, timestep)));
    sigmas_.push_back(0);
    check_sigmas(noise_, sigmas_);
    for (int i = 0; i < steps; ++i) {
      const float sigma = static_cast<float>(sigmas_[i]);
      add_step(timesteps[i], sigma, 1 / std::sqrt(sigma * sigma + 1));
      const float to = static_cast<float>(sigmas_[i + 1]);
      const float up = to * to * (sigma * sigma - to * to) / (sigma * sigma);
      up_.push_back(f32_roots({std::max(up, 0.0f)})[0]);
      const float rest = to * to - static_cast<float>(up_[i]) * static_cast<float>(up_[i]);
      down_.push_back(f32_roots({std::max(rest, 0.0f)})[0]);
    }
    finish_steps();
    initial_noise_scale_ = largest_noise_scale(noise_, sigmas_);
  }

  at::Tensor advance(const Step& step, const at::Tensor& prediction, const at::Tensor& latent,
                     const NoiseSource& noise) override {
    const size_t i = index_of(step);
    const auto [answer, x] = checked(prediction, latent);
    const float sigma = static_cast<float>(sigmas_[i]), down = static_cast<float>(down_[i]);
    estimate_ = clean_at_sigma(noise_.prediction, answer, x, sigma);
    // The last draw is multiplied by 0 but still made: a seed shared with the reference stays in step.
    return x + (x - estimate_) / sigma * (down - sigma) + draw(noise, step, x) * up_[i];
  }

  at::Tensor add_noise(const at::Tensor& sample, const at::Tensor& noise, const Step& step) const override {
    return noised_at_sigma(sample, noise, sigmas_[index_of(step)]);
  }

 private:
  NoiseSchedule noise_;
  std::vector<double> sigmas_;     // of each step, then 0
  std::vector<double> up_, down_;  // of each step: the noise added, and the level reached before it is
};

}  // namespace

void register_euler_ancestral(SchedulerRegistry& registry) {
  Spec spec{"euler_ancestral", "Euler's method with fresh noise at every step: varied, never settles.",
            "Denoising Diffusion Probabilistic Models, 2020; diffusers EulerAncestralDiscreteScheduler"};
  spec.params = noise_params();
  add_scheduler(registry, std::move(spec), {"EulerAncestralDiscreteScheduler"},
                [](const models::Config& config, int steps, const ParamValues& options) {
                  return std::make_unique<EulerAncestral>(config, steps, options);
                });
}

}  // namespace reel::guidance
