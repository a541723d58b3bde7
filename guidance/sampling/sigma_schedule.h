// Noise levels sigma = sqrt((1 - alpha) / alpha) and the spacings defined on them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guidance/sampling/noise_schedule.h"

namespace reel::guidance {

/// How a run chooses its sigmas. kTimesteps takes those of its timesteps; the others are rules on the sigmas
/// themselves, to which timesteps are then fitted. Sources: kKarras: "Elucidating the Design Space"
/// (2206.00364), equation 5; kExponential: evenly spaced log sigma; kLu: the same over the whole table,
/// "DPM-Solver" (2206.00927); kLogLinear: the same in f32.
enum class SigmaRule { kTimesteps, kKarras, kExponential, kLu, kLogLinear };

/// Options `karras` and `exponential`.
std::vector<Param> sigma_params();

/// Keys: use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas (refused) and, if `knows_lu`,
/// use_lu_lambdas.
/// Throws: std::runtime_error if the file asks for several rules at once.
SigmaRule read_sigma_rule(const models::Config& config, const ParamValues& options, bool knows_lu);

/// The sigma at which a run ends: 0, or that of the first training timestep. Key: final_sigmas_type; option:
/// `final`.
double read_final_sigma(const models::Config& config, const ParamValues& options,
                        const std::vector<double>& sigmas);
Param final_sigma_param();

/// The sigma of each training timestep, in f32. If betas were rescaled to zero SNR, the last alpha counts as
/// 2^-24, so that its sigma is 4096 and not infinite (as in the reference).
std::vector<double> training_sigmas(const NoiseSchedule& noise);

/// The alpha that training_sigmas uses in place of 0.
double least_alpha();

/// Step::sigma of the schedulers that work with alphas: sqrt((1 - alpha) / alpha); an alpha of 0 counts as
/// least_alpha().
double sigma_of_alpha(double alpha);

/// The file's sigma_min and sigma_max, which replace the ends of a rule.
struct SigmaEnds {
  std::optional<double> low, high;
};
/// Throws: std::runtime_error unless 0 < sigma_min < sigma_max.
SigmaEnds read_sigma_ends(const models::Config& config);

/// `steps` falling sigmas from `high` to `low` by a rule other than kTimesteps.
std::vector<double> spaced_sigmas(SigmaRule rule, double high, double low, int64_t steps);

/// values[t] for fractional t: linear between neighbours, constant beyond the ends.
double interpolate(const std::vector<double>& values, double t);

/// The fractional training timesteps that have these sigmas: the inverse of `interpolate` on log sigma,
/// limited to the table.
std::vector<double> timesteps_of_sigmas(const std::vector<double>& sigmas,
                                        const std::vector<double>& training_sigmas);

/// Throws: std::runtime_error unless all sigmas except the last are positive and finite, and none is larger
/// than the one before it.
void check_sigmas(const NoiseSchedule& noise, const std::vector<double>& sigmas);

}  // namespace reel::guidance
