#include "guidance/sampling/sigma_schedule.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "guidance/scheduler_options.h"

namespace reel::guidance {
std::vector<Param> sigma_params() {
  return {config_param("karras", "space noise levels evenly in sigma^(1/7)", {"true", "false"}),
          config_param("exponential", "space noise levels evenly in log sigma", {"true", "false"})};
}

SigmaRule read_sigma_rule(const models::Config& config, const ParamValues& options, bool knows_lu) {
  if (config.flag("use_beta_sigmas", false)) {
    throw std::runtime_error("[" + config.place() +
                             "] 'use_beta_sigmas' must be false, got true: noise levels spaced by "
                             "a beta distribution are not supported; use karras or exponential ones");
  }
  const bool lu = knows_lu && config.flag("use_lu_lambdas", false);
  bool karras = read_flag(config, "use_karras_sigmas", false, options, "karras");
  bool exponential = read_flag(config, "use_exponential_sigmas", false, options, "exponential");
  // A rule that the user switches on replaces the file's.
  const auto on = [&](const char* name) {
    const auto found = options.find(name);
    return found != options.end() && to_text(found->second) == "true";
  };
  if (on("karras") && !on("exponential")) exponential = false;
  if (on("exponential") && !on("karras")) karras = false;
  if (karras && exponential) {
    throw std::runtime_error(
        "[" + config.place() +
        "] at most one of karras and exponential noise levels can be used, got both; switch one off");
  }
  if (karras) return SigmaRule::kKarras;
  if (lu) return SigmaRule::kLu;  // the reference looks at it before the exponential rule
  return exponential ? SigmaRule::kExponential : SigmaRule::kTimesteps;
}

Param final_sigma_param() {
  return config_param("final",
                      "noise level after the last step: none, or that of the first training timestep",
                      {"zero", "sigma_min"});
}

double read_final_sigma(const models::Config& config, const ParamValues& options,
                        const std::vector<double>& sigmas) {
  const std::string type = read_choice(config, "final_sigmas_type", "zero",
                                       {{"zero", "zero"}, {"sigma_min", "sigma_min"}}, options, "final");
  return type == "zero" ? 0 : sigmas.front();
}

double least_alpha() { return std::ldexp(1.0, -24); }

double sigma_of_alpha(double alpha) {
  if (alpha == 0) alpha = least_alpha();
  return std::sqrt((1 - alpha) / alpha);
}

std::vector<double> training_sigmas(const NoiseSchedule& noise) {
  std::vector<double> ratios = noise.alphas;
  if (noise.zero_snr) ratios.back() = least_alpha();
  for (double& ratio : ratios) ratio = f32(f32(1 - ratio) / ratio);
  return f32_roots(ratios);
}

SigmaEnds read_sigma_ends(const models::Config& config) {
  SigmaEnds ends;
  if (config.has("sigma_min")) ends.low = config.number("sigma_min", 0);
  if (config.has("sigma_max")) ends.high = config.number("sigma_max", 0);
  if (ends.low.value_or(1) <= 0 || ends.high.value_or(1) <= 0 ||
      (ends.low && ends.high && *ends.low >= *ends.high)) {
    throw std::runtime_error(c10::str(
        "[", config.place(), "] 'sigma_min' and 'sigma_max' must satisfy 0 < min < max, got ",
        ends.low.value_or(0), " and ", ends.high.value_or(0), "; correct the file or fetch it again"));
  }
  return ends;
}

std::vector<double> spaced_sigmas(SigmaRule rule, double high, double low, int64_t steps) {
  std::vector<double> sigmas;
  if (rule == SigmaRule::kKarras) {
    constexpr double kRho = 7.0;  // the paper's value
    const double from = std::pow(high, 1 / kRho), to = std::pow(low, 1 / kRho);
    for (const double ramp : linspace(0, 1, steps)) {
      sigmas.push_back(std::pow(from + ramp * (to - from), kRho));
    }
    return sigmas;
  }
  // The reference takes logarithms of f32 tables in f32, and of single numbers in double.
  double from = std::log(high), to = std::log(low);
  if (rule != SigmaRule::kExponential) from = f32(from), to = f32(to);
  const bool single = rule == SigmaRule::kLogLinear;
  for (const double logarithm : single ? f32_linspace(from, to, steps) : linspace(from, to, steps)) {
    sigmas.push_back(single ? f32(std::exp(logarithm)) : std::exp(logarithm));
  }
  return sigmas;
}

double interpolate(const std::vector<double>& values, double t) {
  const auto last = static_cast<int64_t>(values.size()) - 1;
  if (t <= 0) return values.front();
  if (t >= static_cast<double>(last)) return values.back();
  const auto below = static_cast<int64_t>(t);
  return (values[below + 1] - values[below]) * (t - static_cast<double>(below)) + values[below];
}

std::vector<double> timesteps_of_sigmas(const std::vector<double>& sigmas,
                                        const std::vector<double>& training_sigmas) {
  const auto last = static_cast<int64_t>(training_sigmas.size()) - 1;
  if (last == 0) return std::vector<double>(sigmas.size(), 0);
  std::vector<double> logs;  // rising, because alphas fall
  for (const double sigma : training_sigmas) logs.push_back(f32(std::log(sigma)));
  std::vector<double> timesteps;
  for (const double sigma : sigmas) {
    const double wanted = std::log(std::max(sigma, 1e-10));
    const int64_t above = std::upper_bound(logs.begin(), logs.end(), wanted) - logs.begin();
    const int64_t below = std::clamp<int64_t>(above - 1, 0, last - 1);
    const double gap = f32(logs[below] - logs[below + 1]);
    const double weight = gap == 0 ? 0 : std::clamp((logs[below] - wanted) / gap, 0.0, 1.0);
    timesteps.push_back((1 - weight) * static_cast<double>(below) + weight * static_cast<double>(below + 1));
  }
  return timesteps;
}

void check_sigmas(const NoiseSchedule& noise, const std::vector<double>& sigmas) {
  for (size_t i = 0; i + 1 < sigmas.size(); ++i) {
    if (!(sigmas[i] > 0 && std::isfinite(sigmas[i]))) {
      throw std::runtime_error(c10::str("[", noise.place, "] the noise level of step ", i,
                                        " must be positive and finite, got ", sigmas[i],
                                        "; correct the betas or choose another spacing"));
    }
    if (i > 0 && sigmas[i] > sigmas[i - 1]) {
      throw std::runtime_error(c10::str("[", noise.place, "] noise levels must fall from step to step, got ",
                                        sigmas[i - 1], " and then ", sigmas[i],
                                        "; correct sigma_min, sigma_max or the betas"));
    }
  }
}

}  // namespace reel::guidance
