// Noise levels sigma = sqrt((1 - alpha) / alpha) and the spacings defined on them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guidance/sampling/noise_schedule.h"

namespace reel::guidance {

/// How a run's sigmas are chosen: at its timesteps, or by a rule on the sigmas themselves (to which timesteps
/// are then fitted). Sources: kKarras "Elucidating the Design Space" (2206.00364), equation 5; kExponential:
/// evenly spaced log sigma; kLu: the same over the whole table, "DPM-Solver" (2206.00927); kLogLinear: the
/// same in f32.
enum class SigmaRule { kTimesteps, kKarras, kExponential, kLu, kLogLinear };

/// Options `karras` and `exponential`.
std::vector<Param> sigma_params();

/// Keys: use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas (refused) and, if `knows_lu`,
/// use_lu_lambdas. Throws: std::runtime_error when several rules are asked for at once.
SigmaRule read_sigma_rule(const models::Config& config, const ParamValues& options, bool knows_lu);

/// The last sigma of a run: 0, or that of the first training timestep. Key: final_sigmas_type; option:
/// `final`.
double read_final_sigma(const models::Config& config, const ParamValues& options,
                        const std::vector<double>& sigmas);
Param final_sigma_param();

/// Sigma of each training timestep, in f32. Where betas were rescaled to zero SNR the last alpha is taken as
/// 2^-24, so that its sigma is 4096 and not infinite (as the reference does).
std::vector<double> training_sigmas(const NoiseSchedule& noise);

/// The alpha that training_sigmas takes for zero.
double least_alpha();

/// Step::sigma of the schedulers that work with alphas: sqrt((1 - alpha) / alpha), with least_alpha for 0.
double sigma_of_alpha(double alpha);

/// sigma_min and sigma_max of the file, which replace the ends of a rule.
struct SigmaEnds {
  std::optional<double> low, high;
};
/// Throws: std::runtime_error unless 0 < sigma_min < sigma_max.
SigmaEnds read_sigma_ends(const models::Config& config);

/// `steps` falling sigmas from `high` to `low` by a rule other than kTimesteps.
std::vector<double> spaced_sigmas(SigmaRule rule, double high, double low, int64_t steps);

/// values[t] for fractional t, linear between neighbours, held at the ends.
double interpolate(const std::vector<double>& values, double t);

/// The fractional training timesteps whose log sigma is that of `sigmas`; inverse of interpolate in the
/// logarithm, within the table.
std::vector<double> timesteps_of_sigmas(const std::vector<double>& sigmas,
                                        const std::vector<double>& training_sigmas);

/// Throws: std::runtime_error unless all sigmas but the last are positive, finite and do not rise.
void check_sigmas(const NoiseSchedule& noise, const std::vector<double>& sigmas);

}  // namespace reel::guidance
