// `ddim`: denoising diffusion implicit models, deterministic (eta 0) up to ancestral (eta 1).
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "guidance/sampling/sigma_schedule.h"
#include "guidance/scheduler_options.h"
#include "guidance/tabled_scheduler.h"

namespace reel::guidance {
namespace {

/// Source: "Denoising Diffusion Implicit Models" (2010.02502), equations 12 and 16.
class Ddim : public TabledScheduler {
 public:
  Ddim(const models::Config& config, int steps, const ParamValues& options)
      : TabledScheduler("ddim"),
        noise_(read_noise_schedule(config, options, {.spacing = "leading", .reads_scales = true})),
        limits_(read_limits(config, options, /*clip_absent=*/true)) {
    const int64_t train = noise_.train_steps();
    check_steps(name_, steps, train);
    eta_ = read_number(config, "eta", 0, 0, 1, options, "eta");
    final_alpha_ = config.flag("set_alpha_to_one", true) ? 1.0 : noise_.alphas.front();
    const std::vector<double> timesteps = spaced_timesteps(noise_, steps, /*whole=*/true);
    if (timesteps.front() >= static_cast<double>(train)) {
      throw std::invalid_argument(c10::str("[ddim] the first of ", steps, " steps would be at timestep ",
                                           timesteps.front(), ", beyond the last of training, ", train - 1,
                                           "; use fewer steps or spacing=trailing"));
    }
    check_alphas(noise_, timesteps);
    for (const double timestep : timesteps) {
      add_step(timestep, sigma_of_alpha(noise_.alphas[static_cast<size_t>(timestep)]));
      // The target lies one whole stride below, also where the spacing rounds the next step elsewhere.
      const int64_t before = static_cast<int64_t>(timestep) - train / steps;
      targets_.push_back(before >= 0 ? noise_.alphas[before] : final_alpha_);
      target_scales_.push_back(scale_at(std::max<int64_t>(before, 0)));
    }
    finish_steps();
  }

  at::Tensor advance(const Step& step, const at::Tensor& prediction, const at::Tensor& latent,
                     const NoiseSource& noise) override {
    const size_t i = index_of(step);
    const auto [answer, x] = checked(prediction, latent);
    const double alpha = alpha_at(i), target = targets_[i];
    const float a = static_cast<float>(alpha), signal = std::sqrt(a), sigma = std::sqrt(1 - a);
    at::Tensor epsilon = answer;
    if (noise_.prediction == Prediction::kVelocity) epsilon = answer * signal + x * sigma;
    if (noise_.prediction == Prediction::kSample) epsilon = (x - answer * signal) / sigma;
    estimate_ = clean_sample(noise_.prediction, answer, x, alpha);
    if (!noise_.scales.empty()) estimate_ = estimate_ / scale_at(static_cast<int64_t>(step.timestep));
    estimate_ = limited(estimate_, limits_);

    // In double: from pure noise at eta 1 nothing is left of the old noise, and in f32 the root would be
    // taken of a number just above or below 0.
    const double variance = eta_ * eta_ * (1 - target) / (1 - alpha) * (1 - alpha / target);
    const double direction = std::sqrt(std::max(1 - target - variance, 0.0));
    at::Tensor next =
        estimate_ * (std::sqrt(static_cast<float>(target)) * target_scales_[i]) + epsilon * direction;
    if (eta_ > 0) next = next + draw(noise, step, x) * std::sqrt(std::max(variance, 0.0));
    return next;
  }

  at::Tensor add_noise(const at::Tensor& sample, const at::Tensor& noise, const Step& step) const override {
    const size_t i = index_of(step);
    const double scale = scale_at(static_cast<int64_t>(steps_[i].timestep));
    return noised(scale == 1 ? sample : sample * scale, noise, alpha_at(i));
  }

 private:
  double alpha_at(size_t i) const { return noise_.alphas[static_cast<size_t>(steps_[i].timestep)]; }

  /// The factor by which clean samples are multiplied at a training timestep.
  double scale_at(int64_t timestep) const {
    return noise_.scales.empty() ? 1 : noise_.scales[static_cast<size_t>(timestep)];
  }

  NoiseSchedule noise_;
  Limits limits_;
  double eta_ = 0, final_alpha_ = 1;
  std::vector<double> targets_, target_scales_;  // alpha and scale after each step
};

}  // namespace

void register_ddim(SchedulerRegistry& registry) {
  Spec spec{
      "ddim",
      "DDIM: deterministic, or with fresh noise at eta > 0; also stands in for PNDM on its noise schedule.",
      "Denoising Diffusion Implicit Models, 2021; diffusers DDIMScheduler"};
  spec.params = {config_number_param(
      "eta", "fresh noise per step: 0 none (deterministic), 1 as much as ancestral sampling")};
  for (Param& param : noise_params()) spec.params.push_back(std::move(param));
  spec.params.push_back(clip_param());
  // PNDM (the default of Stable Diffusion 1.x) extrapolates over four earlier predictions and asks the
  // network once more than there are steps. Its folders are read as DDIM's with DDIM's defaults, exactly as
  // DDIMScheduler.from_config reads them: same betas and spacing, `steps` predictions.
  add_scheduler(registry, std::move(spec), {"DDIMScheduler", "PNDMScheduler"},
                [](const models::Config& config, int steps, const ParamValues& options) {
                  return std::make_unique<Ddim>(config, steps, options);
                });
}

}  // namespace reel::guidance
