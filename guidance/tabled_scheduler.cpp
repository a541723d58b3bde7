#include "guidance/tabled_scheduler.h"

#include <ATen/ops/clamp.h>
#include <ATen/ops/quantile.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "guidance/scheduler_options.h"

namespace reel::guidance {

Param clip_param() {
  return config_param("clip", "cut each estimate of the clean latent to the file's clip_sample_range",
                      {"true", "false"});
}

Limits read_limits(const models::Config& config, const ParamValues& options,
                   std::optional<bool> clip_absent) {
  Limits limits;
  limits.threshold = config.flag("thresholding", false);
  limits.quantile = read_number(config, "dynamic_thresholding_ratio", 0.995, 0, 1);
  limits.largest = read_number(config, "sample_max_value", 1.0, 0, 1e6);
  if (clip_absent) {
    limits.clip = read_flag(config, "clip_sample", *clip_absent, options, "clip");
    limits.clip_range = read_number(config, "clip_sample_range", 1.0, 0, 1e6);
  }
  return limits;
}

at::Tensor limited(const at::Tensor& estimate, const Limits& limits) {
  if (limits.threshold) {
    const at::Tensor flat = estimate.reshape({estimate.size(0), -1});
    const at::Tensor bound =
        at::quantile(flat.abs(), limits.quantile, 1, /*keepdim=*/true).clamp(1, limits.largest);
    return (at::clamp(flat, -bound, bound) / bound).reshape(estimate.sizes());
  }
  return limits.clip ? estimate.clamp(-limits.clip_range, limits.clip_range) : estimate;
}

void TabledScheduler::add_step(double timestep, double sigma, double input_scale) {
  steps_.push_back({static_cast<int>(steps_.size()), 0, timestep, sigma, input_scale});
}

void TabledScheduler::finish_steps() {
  for (Step& step : steps_) step.count = static_cast<int>(steps_.size());
}

size_t TabledScheduler::index_of(const Step& step) const {
  if (step.index < 0 || step.index >= static_cast<int>(steps_.size())) {
    throw std::invalid_argument(c10::str("[", name_, "] step must lie in 0 to ", steps_.size() - 1, ", got ",
                                         step.index, "; use the steps of this scheduler"));
  }
  return static_cast<size_t>(step.index);
}

std::pair<at::Tensor, at::Tensor> TabledScheduler::checked(const at::Tensor& prediction,
                                                           const at::Tensor& latent) const {
  if (prediction.sizes() != latent.sizes()) {
    throw std::invalid_argument(c10::str("[", name_, "] the prediction must have the latent's shape ",
                                         latent.sizes(), ", got ", prediction.sizes(),
                                         "; a network that also predicts variance is not supported"));
  }
  return {prediction.to(at::kFloat), latent.to(at::kFloat)};
}

at::Tensor TabledScheduler::draw(const NoiseSource& noise, const Step& step, const at::Tensor& latent) const {
  const at::Tensor drawn = noise ? noise(step.index) : at::Tensor();
  if (!drawn.defined() || drawn.sizes() != latent.sizes()) {
    throw std::invalid_argument(c10::str(
        "[", name_, "] step ", step.index, " needs noise of shape ", latent.sizes(), ", got ",
        drawn.defined() ? c10::str(drawn.sizes()) : "none", "; give a noise source that matches the latent"));
  }
  return drawn.to(latent.options().dtype(at::kFloat));
}

// Scalars below are f32, rounded after each operation: the reference computes them as f32 tensors, and at the
// noisy end of a zero-SNR schedule (sigma 4096) one rounding more or less shows in the result.

at::Tensor noised(const at::Tensor& sample, const at::Tensor& noise, double alpha) {
  const float a = static_cast<float>(alpha);
  return sample.to(at::kFloat) * std::sqrt(a) +
         noise.to(sample.options().dtype(at::kFloat)) * std::sqrt(1 - a);
}

at::Tensor clean_sample(Prediction kind, const at::Tensor& prediction, const at::Tensor& latent,
                        double alpha) {
  const float a = static_cast<float>(alpha), signal = std::sqrt(a), noise = std::sqrt(1 - a);
  switch (kind) {
    case Prediction::kEpsilon:
      return (latent - prediction * noise) / signal;
    case Prediction::kVelocity:
      return latent * signal - prediction * noise;
    case Prediction::kSample:
      break;
  }
  return prediction;
}

at::Tensor noised_at_sigma(const at::Tensor& sample, const at::Tensor& noise, double sigma) {
  return sample.to(at::kFloat) + noise.to(sample.options().dtype(at::kFloat)) * sigma;
}

at::Tensor clean_at_sigma(Prediction kind, const at::Tensor& prediction, const at::Tensor& latent,
                          double sigma) {
  const float s = static_cast<float>(sigma);
  switch (kind) {
    case Prediction::kEpsilon:
      return latent - prediction * s;
    case Prediction::kVelocity:
      return prediction * (-s / std::sqrt(s * s + 1)) + latent / (s * s + 1);
    case Prediction::kSample:
      break;
  }
  return prediction;
}

double largest_noise_scale(const NoiseSchedule& noise, const std::vector<double>& sigmas) {
  const float most = static_cast<float>(*std::max_element(sigmas.begin(), sigmas.end()));
  return noise.spacing == Spacing::kLeading ? std::sqrt(most * most + 1) : most;
}

void check_alphas(const NoiseSchedule& noise, const std::vector<double>& timesteps) {
  for (const double timestep : timesteps) {
    const double alpha = noise.alphas[static_cast<size_t>(timestep)];
    if (alpha >= 1) {
      throw std::runtime_error(c10::str("[", noise.place, "] timestep ", timestep,
                                        " must be noisy, got a noise level of 0; correct the betas"));
    }
    if (alpha <= 0 && noise.prediction == Prediction::kEpsilon) {
      throw std::runtime_error(
          c10::str("[", noise.place, "] timestep ", timestep,
                   " is pure noise (zero SNR), from which a network that predicts noise learns "
                   "nothing; use prediction=v, zero_snr=false or spacing=leading"));
    }
  }
}

}  // namespace reel::guidance
