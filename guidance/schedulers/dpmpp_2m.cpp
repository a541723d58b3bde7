// `dpmpp_2m` and `dpmpp_2m_sde`: multistep solvers that extrapolate from earlier estimates of the clean
// sample.
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "guidance/sampling/sigma_schedule.h"
#include "guidance/scheduler_options.h"
#include "guidance/tabled_scheduler.h"

namespace reel::guidance {
namespace {

/// A noise level in the terms of the solver: alpha^2 + sigma^2 = 1, lambda = log(alpha / sigma). f32, as the
/// reference.
struct Level {
  explicit Level(double ratio) {
    const float s = static_cast<float>(ratio);
    alpha = 1 / std::sqrt(s * s + 1);
    sigma = s * alpha;
    lambda = std::log(alpha) - std::log(sigma);
  }
  float alpha, sigma, lambda;
};

/// Source: "DPM-Solver++" (2211.01095), algorithm 2 and its third-order and SDE forms (appendices B and D).
/// `x` is the latent alpha clean + sigma noise.
class DpmSolver : public TabledScheduler {
 public:
  DpmSolver(std::string name, bool stochastic, const models::Config& config, int steps,
            const ParamValues& options)
      : TabledScheduler(std::move(name)), noise_(read_noise_schedule(config, options, {})) {
    check_steps(name_, steps, noise_.train_steps());
    read_solver(config, options, stochastic);
    place_steps(config, steps, options);
  }

  at::Tensor advance(const Step& step, const at::Tensor& prediction, const at::Tensor& latent,
                     const NoiseSource& noise) override {
    const size_t i = index_of(step), count = steps_.size();
    const auto [answer, x] = checked(prediction, latent);
    if (i != next_) history_.clear();  // a run that starts in the middle, or starts again
    next_ = i + 1;
    estimate_ = limited(clean_at(i, answer, x), limits_);
    history_.push_front(estimate_);
    if (history_.size() > static_cast<size_t>(order_)) history_.pop_back();

    // Few steps end in lower orders, for stability; a step to sigma 0 is always first order.
    const bool few = lower_order_final_ && count < 15;
    const bool last = i + 1 == count && (euler_at_final_ || few || final_zero_);
    size_t order = last ? 1 : history_.size();
    if (i + 2 == count && few) order = std::min<size_t>(order, 2);
    // Noise levels that coincide (rounded timesteps of a very long run) say nothing about a slope.
    for (size_t back = 0; back < order; ++back) {
      if (sigmas_[i + 1 - back] == sigmas_[i - back]) order = std::max<size_t>(back, 1);
    }
    return solve(i, order, x, stochastic_ ? draw(noise, step, x) : at::Tensor());
  }

  at::Tensor add_noise(const at::Tensor& sample, const at::Tensor& noise, const Step& step) const override {
    const Level level(sigmas_[index_of(step)]);
    return sample.to(at::kFloat) * level.alpha + noise.to(sample.options().dtype(at::kFloat)) * level.sigma;
  }

 private:
  void read_solver(const models::Config& config, const ParamValues& options, bool stochastic) {
    // The file may hold what other solver families call their variants; the reference reads those as below.
    const std::string algorithm = read_choice(config, "algorithm_type", "dpmsolver++",
                                              {{"dpmsolver++", "ode"},
                                               {"sde-dpmsolver++", "sde"},
                                               {"deis", ""},
                                               {"dpmsolver", ""},
                                               {"sde-dpmsolver", ""}},
                                              options, "algorithm");
    if (algorithm == "dpmsolver" || algorithm == "sde-dpmsolver") {
      throw std::runtime_error("[" + noise_.place +
                               "] 'algorithm_type' must be dpmsolver++ or sde-dpmsolver++, got '" +
                               algorithm + "', the older solver of the noise; set it to " + algorithm + "++");
    }
    stochastic_ = stochastic || algorithm == "sde-dpmsolver++";
    const std::string type =
        read_choice(config, "solver_type", "midpoint",
                    {{"midpoint", "midpoint"}, {"heun", "heun"}, {"logrho", ""}, {"bh1", ""}, {"bh2", ""}},
                    options, "solver");
    heun_ = type == "heun";
    order_ = static_cast<int>(config.bounded("solver_order", 2, 1, 3));
    if (const auto order = std::get<int64_t>(options.at("order")); order > 0)
      order_ = static_cast<int>(order);
    if (stochastic_ && order_ == 3) {
      // The reference's third-order SDE step does not converge: its curvature weight tends to -alpha.
      throw std::runtime_error("[" + noise_.place + "] " + name_ +
                               ": the stochastic solver has order 1 or 2, got 3; set order=2");
    }
    lower_order_final_ = read_flag(config, "lower_order_final", true, options, "lower_order_final");
    euler_at_final_ = read_flag(config, "euler_at_final", false, options, "euler_at_final");
    if (config.has("variance_type")) {
      throw std::runtime_error("[" + noise_.place + "] 'variance_type' must be absent, got '" +
                               config.text("variance_type", "") +
                               "': networks that also predict variance are not "
                               "supported; use a model without it");
    }
    limits_ = read_limits(config, options, /*clip_absent=*/std::nullopt);
  }

  void place_steps(const models::Config& config, int steps, const ParamValues& options) {
    const std::vector<double> table = training_sigmas(noise_);
    const SigmaRule rule = read_sigma_rule(config, options, /*knows_lu=*/true);
    std::vector<double> timesteps;
    if (rule == SigmaRule::kTimesteps) {
      timesteps = own_timesteps(last_timestep(config), steps);
      for (const double timestep : timesteps) sigmas_.push_back(interpolate(table, timestep));
    } else {
      SigmaEnds ends = read_sigma_ends(config);
      if (rule == SigmaRule::kLu) ends = {};
      sigmas_ =
          spaced_sigmas(rule, ends.high.value_or(table.back()), ends.low.value_or(table.front()), steps);
      const bool rounded = rule != SigmaRule::kExponential && !noise_.cosine;
      timesteps = timesteps_of_sigmas(sigmas_, table);
      for (double& timestep : timesteps) timestep = rounded ? std::nearbyint(timestep) : std::floor(timestep);
    }
    const double final = read_final_sigma(config, options, table);
    final_zero_ = final == 0;
    sigmas_.push_back(final);
    for (double& sigma : sigmas_) sigma = static_cast<float>(sigma);
    check_sigmas(noise_, sigmas_);
    for (size_t i = 0; i < timesteps.size(); ++i) add_step(timesteps[i], sigmas_[i]);
    finish_steps();
  }

  /// How many training timesteps are clean enough: lambda of the later ones lies below the file's
  /// lambda_min_clipped.
  int64_t last_timestep(const models::Config& config) const {
    // Python writes the default as -Infinity, which Config keeps as a text because JSON has no such number.
    const double least =
        !config.is_text("lambda_min_clipped") || config.text("lambda_min_clipped", "") != "-Infinity"
            ? config.number("lambda_min_clipped", -std::numeric_limits<double>::infinity())
            : -std::numeric_limits<double>::infinity();
    int64_t last = noise_.train_steps();
    for (; last > 0; --last) {
      double alpha = noise_.alphas[last - 1];
      if (noise_.zero_snr && last == noise_.train_steps()) alpha = least_alpha();
      const float a = static_cast<float>(alpha);
      if (std::log(std::sqrt(a)) - std::log(std::sqrt(1 - a)) >= static_cast<float>(least)) return last;
    }
    throw std::runtime_error(c10::str("[", noise_.place, "] 'lambda_min_clipped' leaves no timestep, got ",
                                      least, "; remove it or set it to -5.1"));
  }

  /// This solver divides the range into steps + 1 parts and leaves out the cleanest point.
  std::vector<double> own_timesteps(int64_t last, int steps) const {
    std::vector<double> timesteps;
    if (noise_.spacing == Spacing::kTrailing) {
      const double stride = static_cast<double>(noise_.train_steps()) / steps;
      timesteps = rounded_countdown(static_cast<double>(last), stride, steps);
      for (double& timestep : timesteps) timestep -= 1;
      return timesteps;
    }
    if (noise_.spacing == Spacing::kLeading) {
      const int64_t stride = last / (steps + 1);
      if (stride == 0) {
        throw std::invalid_argument(c10::str("[", name_, "] 'steps' must lie in 1 to ", last - 1,
                                             " with leading spacing, got ", steps,
                                             "; use fewer, or spacing=trailing"));
      }
      for (int i = steps; i > 0; --i) {
        timesteps.push_back(static_cast<double>(i * stride + noise_.steps_offset));
      }
      return timesteps;
    }
    timesteps = linspace(0, static_cast<double>(last - 1), steps + 1);
    for (double& timestep : timesteps) timestep = std::nearbyint(timestep);
    return {timesteps.rbegin(), timesteps.rend() - 1};
  }

  at::Tensor clean_at(size_t i, const at::Tensor& prediction, const at::Tensor& x) const {
    const Level level(sigmas_[i]);
    switch (noise_.prediction) {
      case Prediction::kEpsilon:
        return (x - prediction * level.sigma) / level.alpha;
      case Prediction::kVelocity:
        return x * level.alpha - prediction * level.sigma;
      case Prediction::kSample:
        break;
    }
    return prediction;
  }

  /// The latent at sigmas_[i + 1]. history_ holds the estimates, newest first; `order` of them are used. With
  /// h = lambda_next - lambda_now, the weights integrate exp(-h) against a polynomial through the estimates.
  at::Tensor solve(size_t i, size_t order, const at::Tensor& x, const at::Tensor& drawn) const {
    const Level next(sigmas_[i + 1]), now(sigmas_[i]);
    const float h = next.lambda - now.lambda;
    // The SDE form loses twice as much of the old latent and fills up with noise.
    const float span = stochastic_ ? 2 * h : h;
    const float loss = std::exp(-span) - 1;
    const float kept = next.sigma / now.sigma * (stochastic_ ? std::exp(-h) : 1.0f);
    at::Tensor result = x * kept - history_[0] * (next.alpha * loss);
    if (order >= 2) {
      const float r0 = (now.lambda - Level(sigmas_[i - 1]).lambda) / h;
      const at::Tensor slope = (history_[0] - history_[1]) * (1 / r0);
      if (order == 2) {
        result = heun_ ? result + slope * (next.alpha * (loss / span + 1))
                       : result - slope * (0.5f * (next.alpha * loss));
      } else {
        const Level before(sigmas_[i - 1]), earliest(sigmas_[i - 2]);
        const float r1 = (before.lambda - earliest.lambda) / h;
        const at::Tensor earlier = (history_[1] - history_[2]) * (1 / r1);
        const at::Tensor change = slope - earlier;
        const at::Tensor first = slope + change * (r0 / (r0 + r1)), second = change * (1 / (r0 + r1));
        result = result + first * (next.alpha * (loss / span + 1)) -
                 second * (next.alpha * ((loss + span) / (span * span) - 0.5f));
      }
    }
    if (stochastic_) result = result + drawn * (next.sigma * std::sqrt(std::max(-loss, 0.0f)));
    return result;
  }

  NoiseSchedule noise_;
  Limits limits_;
  bool stochastic_ = false, heun_ = false;
  bool lower_order_final_ = true, euler_at_final_ = false, final_zero_ = true;
  int order_ = 2;
  std::vector<double> sigmas_;      // of each step, then the level after the last one
  std::deque<at::Tensor> history_;  // estimates of the clean sample, newest first
  size_t next_ = 0;                 // the step that continues the history
};

void add_solver(SchedulerRegistry& registry, Spec spec, std::vector<std::string> classes, bool stochastic) {
  spec.params = noise_params();
  if (!stochastic) {
    spec.params.push_back(
        config_param("algorithm", "ode: deterministic; sde: fresh noise at every step", {"ode", "sde"}));
  }
  for (Param& param : sigma_params()) spec.params.push_back(std::move(param));
  spec.params.push_back(final_sigma_param());
  spec.params.push_back({"order",
                         "how many estimates each step uses; 0: as the model's folder says (default 2)",
                         int64_t{0}, Range{0, 3}});
  spec.params.push_back(config_param("solver", "form of the second-order step", {"midpoint", "heun"}));
  spec.params.push_back(config_param("lower_order_final", "end runs of fewer than 15 steps in lower orders",
                                     {"true", "false"}));
  spec.params.push_back(config_param("euler_at_final", "make the last step first order", {"true", "false"}));
  const std::string name = spec.name;
  add_scheduler(registry, std::move(spec), std::move(classes),
                [name, stochastic](const models::Config& config, int steps, const ParamValues& options) {
                  return std::make_unique<DpmSolver>(name, stochastic, config, steps, options);
                });
}

}  // namespace

void register_dpmpp_2m(SchedulerRegistry& registry) {
  const std::string source = "DPM-Solver++, 2022; diffusers DPMSolverMultistepScheduler";
  add_solver(registry, {"dpmpp_2m", "DPM-Solver++ of second order: sharp in 15 to 30 steps.", source},
             {"DPMSolverMultistepScheduler"}, false);
  add_solver(registry,
             {"dpmpp_2m_sde", "DPM-Solver++ of second order with fresh noise at every step.", source}, {},
             true);
}

}  // namespace reel::guidance
