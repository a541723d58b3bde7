// `euler`: one Euler step per noise level along the probability-flow equation, optionally churned.
#include <algorithm>
#include <cmath>

#include "guidance/sampling/sigma_schedule.h"
#include "guidance/scheduler_options.h"
#include "guidance/tabled_scheduler.h"

namespace reel::guidance {
namespace {

constexpr double kMaxSigma = 1e6;  // above any noise level

/// Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (2206.00364), algorithm 2
/// without its second-order correction.
class Euler : public TabledScheduler {
 public:
  Euler(const models::Config& config, int steps, const ParamValues& options)
      : TabledScheduler("euler"), noise_(read_noise_schedule(config, options, {})) {
    check_steps(name_, steps, noise_.train_steps());
    const std::vector<double> table = training_sigmas(noise_);
    std::vector<double> timesteps = spaced_timesteps(noise_, steps, /*whole=*/false);
    const std::string interpolation =
        read_choice(config, "interpolation_type", "linear", {{"linear", ""}, {"log_linear", ""}});
    if (interpolation == "linear") {
      for (const double timestep : timesteps) sigmas_.push_back(interpolate(table, timestep));
    } else {
      // One level more than there are steps: the run then ends at the lowest sigma of training, not at 0.
      sigmas_ = spaced_sigmas(SigmaRule::kLogLinear, table.back(), table.front(), steps + 1);
    }
    const SigmaRule rule = read_sigma_rule(config, options, /*knows_lu=*/false);
    if (rule != SigmaRule::kTimesteps) {
      check_sigmas(noise_, sigmas_);
      const SigmaEnds ends = read_sigma_ends(config);
      sigmas_ =
          spaced_sigmas(rule, ends.high.value_or(sigmas_.front()), ends.low.value_or(sigmas_.back()), steps);
      timesteps = timesteps_of_sigmas(sigmas_, table);
      for (double& timestep : timesteps) timestep = static_cast<float>(timestep);
    }
    sigmas_.push_back(read_final_sigma(config, options, table));
    for (double& sigma : sigmas_) sigma = static_cast<float>(sigma);
    check_sigmas(noise_, sigmas_);

    const std::string type =
        read_choice(config, "timestep_type", "discrete", {{"discrete", ""}, {"continuous", ""}});
    const bool continuous = type == "continuous" && noise_.prediction == Prediction::kVelocity;
    for (int i = 0; i < steps; ++i) {
      const float sigma = static_cast<float>(sigmas_[i]);
      add_step(continuous ? 0.25f * std::log(sigma) : timesteps[i], sigma, 1 / std::sqrt(sigma * sigma + 1));
    }
    finish_steps();
    initial_noise_scale_ = largest_noise_scale(noise_, sigmas_);
    churn_ = std::get<double>(options.at("churn"));
    churn_min_ = std::get<double>(options.at("churn_min"));
    churn_max_ = std::get<double>(options.at("churn_max"));
    churn_noise_ = std::get<double>(options.at("churn_noise"));
  }

  at::Tensor advance(const Step& step, const at::Tensor& prediction, const at::Tensor& latent,
                     const NoiseSource& noise) override {
    const size_t i = index_of(step);
    auto [answer, x] = checked(prediction, latent);
    const float sigma = static_cast<float>(sigmas_[i]), next = static_cast<float>(sigmas_[i + 1]);
    float from = sigma;
    if (churn_ > 0 && sigma >= churn_min_ && sigma <= churn_max_) {
      // Noise is added after the prediction was made, as the reference does; the paper adds it before.
      const double more = std::min(churn_ / static_cast<double>(sigmas_.size() - 1), std::sqrt(2.0) - 1);
      from = sigma * static_cast<float>(more + 1);
      x = x + draw(noise, step, x) * churn_noise_ * std::sqrt(from * from - sigma * sigma);
    }
    const bool velocity = noise_.prediction == Prediction::kVelocity;
    estimate_ = clean_at_sigma(noise_.prediction, answer, x, velocity ? sigma : from);
    return x + (x - estimate_) / from * (next - from);
  }

  at::Tensor add_noise(const at::Tensor& sample, const at::Tensor& noise, const Step& step) const override {
    return noised_at_sigma(sample, noise, sigmas_[index_of(step)]);
  }

 private:
  NoiseSchedule noise_;
  std::vector<double> sigmas_;  // of each step, then the level after the last one
  double churn_ = 0, churn_min_ = 0, churn_max_ = kMaxSigma, churn_noise_ = 1;
};

}  // namespace

void register_euler(SchedulerRegistry& registry) {
  Spec spec{"euler", "Euler's method: deterministic unless churned, one prediction per step.",
            "Elucidating the Design Space, 2022; diffusers EulerDiscreteScheduler"};
  spec.params = noise_params();
  for (Param& param : sigma_params()) spec.params.push_back(std::move(param));
  spec.params.push_back(final_sigma_param());
  spec.params.push_back({"churn", "noise added to the latent over the whole run (s_churn); 0: deterministic",
                         0.0, Range{0, 1000}});
  spec.params.push_back({"churn_min", "lowest noise level that is churned", 0.0, Range{0, kMaxSigma}});
  spec.params.push_back({"churn_max", "highest noise level that is churned", kMaxSigma, Range{0, kMaxSigma}});
  spec.params.push_back({"churn_noise", "deviation of the noise that churning adds", 1.0, Range{0, 10}});
  add_scheduler(registry, std::move(spec), {"EulerDiscreteScheduler"},
                [](const models::Config& config, int steps, const ParamValues& options) {
                  return std::make_unique<Euler>(config, steps, options);
                });
}

}  // namespace reel::guidance
