// The noise schedule that a diffusion network was trained with, and the timesteps that a run visits. Every
// scheduler except the flow-matching ones starts from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attention/plugin/spec.h"
#include "models/files/config.h"

namespace reel::guidance {

/// What the network predicts: the noise, the velocity sqrt(a) noise - sqrt(1-a) clean, or the clean sample.
enum class Prediction { kEpsilon, kVelocity, kSample };

/// How a run chooses its timesteps among those of training. Source: "Common Diffusion Noise Schedules and
/// Sample Steps are Flawed" (2305.08891), table 2.
enum class Spacing { kLeading, kTrailing, kLinspace };

/// What absent keys of scheduler_config.json mean. The diffusers classes differ in this.
struct NoiseDefaults {
  double beta_start = 0.0001, beta_end = 0.02;
  std::string beta_schedule = "linear", spacing = "linspace";
  bool reads_scales = false;  // whether the scheduler supports NoiseSchedule::scales
};

struct NoiseSchedule {
  std::string place;           // the file, for messages
  std::vector<double> alphas;  // [T] product of (1 - beta) up to each training timestep, rounded to f32
  /// [T] the factor by which training multiplied the clean sample at each timestep before it added noise;
  /// empty: 1.
  std::vector<double> scales;
  bool zero_snr = false;  // betas were rescaled so that the last alpha is 0
  bool cosine = false;    // beta_schedule is squaredcos_cap_v2
  Prediction prediction = Prediction::kEpsilon;
  Spacing spacing = Spacing::kLinspace;
  int64_t steps_offset = 0;

  int64_t train_steps() const { return static_cast<int64_t>(alphas.size()); }
};

/// The options that every scheduler on a NoiseSchedule has: `prediction`, `spacing`, `zero_snr`. Their
/// default, the text "config", keeps the value of the model's folder.
std::vector<Param> noise_params();

/// Reads scheduler_config.json. Keys: num_train_timesteps, beta_start, beta_end, beta_schedule,
/// trained_betas, rescale_betas_zero_snr, prediction_type, timestep_spacing, steps_offset; VideoCrafter's
/// own: use_scale, scale_b, mid_step.
/// Throws: std::runtime_error for a value that no run can use (betas outside [0, 1], an unknown schedule, a
/// flow-matching model, ...), with the nearest known value.
NoiseSchedule read_noise_schedule(const models::Config& config, const ParamValues& options,
                                  const NoiseDefaults& defaults);

/// `steps` timesteps in falling order. They are whole numbers, but kLinspace keeps fractions (in f32) unless
/// `whole`.
std::vector<double> spaced_timesteps(const NoiseSchedule& noise, int64_t steps, bool whole);

/// The reference implementation (diffusers) stores betas and everything derived from them in f32. Near the
/// clean end of the schedule 1 - alpha is so small that this rounding is visible (3e-5 relative), and results
/// are comparable only with the same rounding. So tables are computed in double and rounded wherever the
/// reference stores a value.
inline double f32(double value) { return static_cast<float>(value); }

/// Square roots in f32, correctly rounded. The reference takes them of a tensor, for which PyTorch calls MKL:
/// exact on Intel processors with AVX2, wrong in the last bit on some others. At a zero-SNR end (sigma 4096)
/// that bit alone changes the result of a one-step run by 1e-4, and a result of reel must not depend on the
/// processor.
std::vector<double> f32_roots(const std::vector<double>& values);

/// Evenly spaced f32 numbers as LibTorch computes them: from both ends towards the middle.
std::vector<double> f32_linspace(double start, double stop, int64_t count);

/// `count` evenly spaced numbers from `start` to `stop`, both included; only `start` if count is 1.
std::vector<double> linspace(double start, double stop, int64_t count);

/// start, start - stride, ... as long as they are above 0, each rounded half to even; at most `most` of them.
std::vector<double> rounded_countdown(double start, double stride, int64_t most);

/// Throws: std::invalid_argument unless 1 <= steps <= most.
void check_steps(const std::string& scheduler, int64_t steps, int64_t most);

}  // namespace reel::guidance
