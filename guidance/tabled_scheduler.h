// What schedulers on a NoiseSchedule share: the list of steps, the checks of `advance`, and limits on
// estimates of the clean sample.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "guidance/sampling/noise_schedule.h"
#include "guidance/scheduler.h"

namespace reel::guidance {

/// How far the values of an estimate of the clean sample may go. Keys: thresholding,
/// dynamic_thresholding_ratio, sample_max_value, clip_sample, clip_sample_range. Thresholding wins over
/// clipping.
struct Limits {
  bool threshold = false, clip = false;
  double quantile = 0.995, largest = 1.0, clip_range = 1.0;
};
/// `clip_absent`: what an absent clip_sample means; nullopt: the class knows neither clip_sample nor the
/// option `clip`.
Limits read_limits(const models::Config& config, const ParamValues& options, std::optional<bool> clip_absent);
Param clip_param();

/// The estimate within its limits. Dynamic thresholding works on each batch row: s is the quantile of |x|, at
/// least 1 and at most `largest`; values are cut at -s and s, then divided by s. Source: Imagen (2205.11487),
/// section 2.3.
at::Tensor limited(const at::Tensor& estimate, const Limits& limits);

class TabledScheduler : public Scheduler {
 public:
  const std::vector<Step>& steps() const override { return steps_; }
  double initial_noise_scale() const override { return initial_noise_scale_; }
  at::Tensor estimate() const override { return estimate_; }

 protected:
  explicit TabledScheduler(std::string name) : name_(std::move(name)) {}
  void add_step(double timestep, double sigma, double input_scale = 1);  // count is filled in by finish_steps
  void finish_steps();

  /// The position of `step` in steps(). Throws: std::invalid_argument if it is not one of them.
  size_t index_of(const Step& step) const;
  /// Prediction and latent as f32 tensors. Throws: std::invalid_argument if their shapes differ.
  std::pair<at::Tensor, at::Tensor> checked(const at::Tensor& prediction, const at::Tensor& latent) const;
  /// The noise of `step` as f32 on the latent's device. Throws: std::invalid_argument if its shape differs.
  at::Tensor draw(const NoiseSource& noise, const Step& step, const at::Tensor& latent) const;

  std::string name_;
  std::vector<Step> steps_;
  double initial_noise_scale_ = 1;
  at::Tensor estimate_;
};

/// sqrt(alpha) sample + sqrt(1 - alpha) noise.
at::Tensor noised(const at::Tensor& sample, const at::Tensor& noise, double alpha);

/// sample + sigma noise: the same level of noise, for latents that are not scaled down as noise is added.
at::Tensor noised_at_sigma(const at::Tensor& sample, const at::Tensor& noise, double sigma);

/// The clean sample that a prediction implies for a latent at level alpha, or at level sigma (see
/// noised_at_sigma).
at::Tensor clean_sample(Prediction kind, const at::Tensor& prediction, const at::Tensor& latent,
                        double alpha);
at::Tensor clean_at_sigma(Prediction kind, const at::Tensor& prediction, const at::Tensor& latent,
                          double sigma);

/// init_noise_sigma of the Euler methods: the largest sigma, or sqrt(sigma^2 + 1) with leading spacing,
/// because the first latent is then not pure noise.
double largest_noise_scale(const NoiseSchedule& noise, const std::vector<double>& sigmas);

/// Checks the alphas at whole timesteps, for methods that divide by both sqrt(alpha) and sqrt(1 - alpha).
/// Throws: std::runtime_error at a noise level of 0, or at pure noise (alpha 0) if the network predicts the
/// noise: the clean sample does not follow from it.
void check_alphas(const NoiseSchedule& noise, const std::vector<double>& timesteps);

}  // namespace reel::guidance
