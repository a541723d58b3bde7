#include "guidance/sampling/noise_schedule.h"

#include <c10/util/StringUtil.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <stdexcept>
#include <xtensor/xadapt.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "guidance/scheduler_options.h"

namespace reel::guidance {
namespace {

/// Values that the reference stores in f32; so each operation on them rounds once, as it does there.
using Floats = xt::xtensor<float, 1>;
using Doubles = xt::xtensor<double, 1>;

template <class Expression>
std::vector<double> table_of(const Expression& values) {
  return {values.begin(), values.end()};
}

/// Without its first value, and without its last.
auto later(auto& values) { return xt::view(values, xt::range(1, values.size())); }
auto earlier(const auto& values) { return xt::view(values, xt::range(0, values.size() - 1)); }

[[noreturn]] void refuse(const std::string& place, const std::string& text) {
  throw std::runtime_error("[" + place + "] " + text);
}

/// Betas whose alphas follow a squared cosine. Source: "Improved DDPM" (2102.09672), equation 17.
Floats cosine_betas(int64_t count) {
  const auto t = xt::arange<double>(count + 1) / count;
  const Doubles alphas = xt::square(xt::cos((t + 0.008) / 1.008 * std::numbers::pi / 2));
  return xt::minimum(1 - later(alphas) / earlier(alphas), 0.999);
}

/// Products are taken in double.
Floats cumulative_alphas(const Floats& betas) {
  Doubles alphas = 1 - betas;
  std::partial_sum(alphas.begin(), alphas.end(), alphas.begin(), std::multiplies<>());
  return alphas;
}

/// Shifts and scales sqrt(alpha) so that the last one is 0 and the first stays. Source: 2305.08891,
/// algorithm 1.
Floats zero_snr_betas(const Floats& betas) {
  const Floats roots = xt::sqrt(cumulative_alphas(betas));
  const float first = roots.front(), last = roots.back();
  const Floats alphas = xt::square((roots - last) * (first / (first - last)));
  Floats rescaled = 1 - alphas;
  later(rescaled) = 1 - later(alphas) / earlier(alphas);
  return rescaled;
}

Floats read_betas(const models::Config& config, const NoiseDefaults& defaults, const std::string& shape) {
  const int64_t count = config.bounded("num_train_timesteps", 1000, 1, 100000);
  if (config.has("trained_betas")) {
    const std::vector<double> betas = config.numbers("trained_betas", {});
    if (static_cast<int64_t>(betas.size()) != count) {
      refuse(config.place(), c10::str("'trained_betas' must have num_train_timesteps = ", count,
                                      " values, got ", betas.size(), "; correct the file or fetch it again"));
    }
    return xt::adapt(betas);
  }
  if (shape == "squaredcos_cap_v2") return cosine_betas(count);
  const double start = read_number(config, "beta_start", defaults.beta_start, 0, 1);
  const double end = read_number(config, "beta_end", defaults.beta_end, 0, 1);
  if (shape == "linear") return xt::adapt(f32_linspace(start, end, count));
  const Floats roots = xt::adapt(f32_linspace(std::sqrt(start), std::sqrt(end), count));
  return xt::square(roots);
}

/// Refuses what shares key names with a noise schedule but means another process.
void check_family(const models::Config& config) {
  const std::string name = config.text("_class_name", "");
  if (name.find("FlowMatch") != std::string::npos || config.flag("use_flow_sigmas", false) ||
      config.text("prediction_type", "") == "flow_prediction") {
    refuse(config.place(),
           "is a flow-matching schedule, which this scheduler does not integrate; use flow_euler");
  }
  if (config.number("snr_shift_scale", 1.0) != 1.0) {
    refuse(config.place(), "'snr_shift_scale' must be 1 or absent for this scheduler, got " +
                               to_text(config.number("snr_shift_scale", 1.0)) +
                               "; use the scheduler that the folder names");
  }
}

/// VideoCrafter's shrinking latents: from 1 in a straight line to scale_b at timestep mid_step - 1, and on.
/// Source: its DDIM sampler, and use_scale, scale_b and mid_step of its configurations.
std::vector<double> read_scales(const models::Config& config, int64_t count) {
  if (!config.flag("use_scale", false)) return {};
  const double end = read_number(config, "scale_b", 0.7, 0.001, 1);
  const int64_t middle = config.bounded("mid_step", 400, 1, 100000);
  std::vector<double> scales = linspace(1, end, middle);
  scales.resize(static_cast<size_t>(count), end);
  return scales;
}

}  // namespace

std::vector<Param> noise_params() {
  return {config_param("prediction", "what the network predicts: noise, velocity or the clean sample",
                       {"epsilon", "v", "sample"}),
          config_param("spacing", "where the run's timesteps lie within the training's",
                       {"leading", "trailing", "linspace"}),
          config_param("zero_snr", "rescale the betas so that the last training step is pure noise",
                       {"true", "false"})};
}

NoiseSchedule read_noise_schedule(const models::Config& config, const ParamValues& options,
                                  const NoiseDefaults& defaults) {
  check_family(config);
  NoiseSchedule noise;
  noise.place = config.place();
  const std::string shape = read_choice(config, "beta_schedule", defaults.beta_schedule,
                                        {{"linear", ""}, {"scaled_linear", ""}, {"squaredcos_cap_v2", ""}});
  noise.cosine = shape == "squaredcos_cap_v2";
  Floats betas = read_betas(config, defaults, shape);
  for (size_t i = 0; i < betas.size(); ++i) {
    if (betas[i] >= 0 && betas[i] <= 1) continue;  // written so that NaN does not pass
    refuse(noise.place, c10::str("beta ", i, " of the noise schedule must lie in 0 to 1, got ", betas[i],
                                 "; correct the file or fetch it again"));
  }
  noise.zero_snr = read_flag(config, "rescale_betas_zero_snr", false, options, "zero_snr");
  if (noise.zero_snr) {
    if (betas.size() < 2 || cumulative_alphas(betas).back() >= cumulative_alphas(betas).front()) {
      refuse(noise.place,
             "'rescale_betas_zero_snr' needs a schedule that adds noise over at least 2 training steps; "
             "set it to false");
    }
    betas = zero_snr_betas(betas);
  }
  noise.alphas = table_of(cumulative_alphas(betas));
  noise.scales = read_scales(config, noise.train_steps());
  if (!noise.scales.empty() && !defaults.reads_scales) {
    refuse(noise.place,
           "the model was trained on latents that shrink with noise ('use_scale'), which this scheduler "
           "does not undo; use ddim");
  }
  for (size_t i = 0; i + 1 < noise.alphas.size(); ++i) {
    if (noise.alphas[i] > 0) continue;
    refuse(noise.place,
           c10::str("only the last of ", noise.alphas.size(),
                    " training timesteps may be pure noise, got it at ", i, "; correct the betas"));
  }
  const std::string prediction = read_choice(
      config, "prediction_type", "epsilon",
      {{"epsilon", "epsilon"}, {"v_prediction", "v"}, {"sample", "sample"}}, options, "prediction");
  noise.prediction = prediction == "epsilon"  ? Prediction::kEpsilon
                     : prediction == "sample" ? Prediction::kSample
                                              : Prediction::kVelocity;
  const std::string spacing = read_choice(
      config, "timestep_spacing", defaults.spacing,
      {{"leading", "leading"}, {"trailing", "trailing"}, {"linspace", "linspace"}}, options, "spacing");
  noise.spacing = spacing == "leading"    ? Spacing::kLeading
                  : spacing == "trailing" ? Spacing::kTrailing
                                          : Spacing::kLinspace;
  noise.steps_offset = config.bounded("steps_offset", 0, 0, 100000);
  return noise;
}

std::vector<double> f32_linspace(double start, double stop, int64_t count) {
  if (count == 1) return {f32(start)};
  start = f32(start);
  stop = f32(stop);
  const double stride = f32(f32(stop - start) / f32(static_cast<double>(count - 1)));
  const auto i = xt::arange<double>(count);
  return table_of(
      xt::cast<float>(xt::where(i < count / 2, start + stride * i, stop - stride * (count - 1 - i))));
}

std::vector<double> f32_roots(const std::vector<double>& values) {
  return table_of(xt::sqrt(xt::cast<float>(xt::adapt(values))));
}

std::vector<double> linspace(double start, double stop, int64_t count) {
  return table_of(xt::linspace(start, stop, static_cast<size_t>(count)));
}

std::vector<double> rounded_countdown(double start, double stride, int64_t most) {
  // The stride as the difference of the first two values: that is how the reference's range accumulates.
  const double exact = (start - stride) - start;
  const auto count = static_cast<int64_t>(std::ceil(start / stride));
  return table_of(xt::nearbyint(start + xt::arange<double>(std::min(count, most)) * exact));
}

std::vector<double> spaced_timesteps(const NoiseSchedule& noise, int64_t steps, bool whole) {
  const int64_t train = noise.train_steps();
  if (noise.spacing == Spacing::kTrailing) {
    // For some counts (61 of 1000) the reference's range has, by rounding, one value too many, timestep -1:
    // noise added back at the end. The limit drops it.
    const double start = static_cast<double>(train);
    return table_of(xt::adapt(rounded_countdown(start, start / steps, steps)) - 1);
  }
  if (noise.spacing == Spacing::kLeading) {
    return table_of(xt::arange<double>(steps - 1, -1, -1) * (train / steps) + noise.steps_offset);
  }
  Doubles timesteps = xt::linspace<double>(0, train - 1, steps);
  std::reverse(timesteps.begin(), timesteps.end());
  return whole ? table_of(xt::nearbyint(timesteps)) : table_of(xt::cast<float>(timesteps));
}

void check_steps(const std::string& scheduler, int64_t steps, int64_t most) {
  if (steps >= 1 && steps <= most) return;
  throw std::invalid_argument(c10::str("[", scheduler, "] 'steps' must lie in 1 to ", most, ", got ", steps,
                                       "; the model was trained with ", most, " noise levels"));
}

}  // namespace reel::guidance
