// `lcm`: few-step sampling of latent consistency models.
#include <c10/util/StringUtil.h>

#include <cmath>

#include "guidance/sampling/sigma_schedule.h"
#include "guidance/scheduler_options.h"
#include "guidance/tabled_scheduler.h"

namespace reel::guidance {
namespace {

constexpr float kDataDeviation = 0.5f;  // sigma_data of the boundary condition

/// Source: "Latent Consistency Models" (2310.04378), algorithm 3; boundary condition from "Consistency
/// Models" (2303.01469), appendix C.
class Lcm : public TabledScheduler {
 public:
  Lcm(const models::Config& config, int steps, const ParamValues& options)
      : TabledScheduler("lcm"),
        noise_(read_noise_schedule(config, options, {0.00085, 0.012, "scaled_linear", "leading"})),
        limits_(read_limits(config, options, /*clip_absent=*/false)),
        timestep_scaling_(static_cast<float>(read_number(config, "timestep_scaling", 10.0, 0, 1e6))) {
    const int64_t train = noise_.train_steps();
    check_steps(name_, steps, train);
    int64_t original = config.bounded("original_inference_steps", 50, 1, 100000);
    if (const auto chosen = std::get<int64_t>(options.at("original_steps")); chosen > 0) original = chosen;
    if (original > train) {
      throw std::runtime_error(c10::str("[", noise_.place,
                                        "] lcm: the steps it was distilled from must be at most ", train,
                                        ", got ", original, "; set original_steps"));
    }
    if (steps > original) {
      throw std::invalid_argument(
          c10::str("[lcm] 'steps' must lie in 1 to ", original, ", got ", steps,
                   ": the model was distilled from that many; use 4 to 8 steps, or set "
                   "original_steps"));
    }
    // The distillation's timesteps are k-1, 2k-1, ...; a run takes some of them, evenly, from the noisy end.
    std::vector<double> timesteps;
    for (int i = 0; i < steps; ++i) {
      const auto skipped = static_cast<int64_t>(std::floor(i * (static_cast<double>(original) / steps)));
      timesteps.push_back(static_cast<double>((original - skipped) * (train / original) - 1));
    }
    check_alphas(noise_, timesteps);
    for (const double timestep : timesteps) {
      add_step(timestep, sigma_of_alpha(noise_.alphas[static_cast<size_t>(timestep)]));
    }
    finish_steps();
  }

  at::Tensor advance(const Step& step, const at::Tensor& prediction, const at::Tensor& latent,
                     const NoiseSource& noise) override {
    const size_t i = index_of(step);
    const auto [answer, x] = checked(prediction, latent);
    const float scaled = static_cast<float>(steps_[i].timestep) * timestep_scaling_;
    const float spread = scaled * scaled + kDataDeviation * kDataDeviation;
    const float skip = kDataDeviation * kDataDeviation / spread, out = scaled / std::sqrt(spread);
    const at::Tensor clean = limited(clean_sample(noise_.prediction, answer, x, alpha_at(i)), limits_);
    estimate_ = clean * out + x * skip;
    if (i + 1 == steps_.size()) return estimate_;
    const float target = static_cast<float>(alpha_at(i + 1));
    return estimate_ * std::sqrt(target) + draw(noise, step, x) * std::sqrt(1 - target);
  }

  at::Tensor add_noise(const at::Tensor& sample, const at::Tensor& noise, const Step& step) const override {
    return noised(sample, noise, alpha_at(index_of(step)));
  }

 private:
  double alpha_at(size_t i) const { return noise_.alphas[static_cast<size_t>(steps_[i].timestep)]; }

  NoiseSchedule noise_;
  Limits limits_;
  float timestep_scaling_;
};

}  // namespace

void register_lcm(SchedulerRegistry& registry) {
  Spec spec{"lcm", "Latent consistency models: 1 to 8 steps, with fresh noise between them.",
            "Latent Consistency Models, 2023; diffusers LCMScheduler"};
  spec.params = noise_params();
  std::erase_if(spec.params, [](const Param& param) { return param.name == "spacing"; });  // it has its own
  spec.params.push_back(clip_param());
  spec.params.push_back({"original_steps",
                         "steps of the teacher it was distilled from; 0: as the model's folder says",
                         int64_t{0}, Range{0, 100000}});
  add_scheduler(registry, std::move(spec), {"LCMScheduler"},
                [](const models::Config& config, int steps, const ParamValues& options) {
                  return std::make_unique<Lcm>(config, steps, options);
                });
}

}  // namespace reel::guidance
