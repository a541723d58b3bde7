// Intervals for measured proportions and means.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace reel::world {

struct Estimate {
  double value = 0, low = 0, high = 0;  // the interval holds the true value in 95 % of all samples
  int64_t count = 0;
};

/// Wilson's score interval of a proportion (E. B. Wilson, 1927): sensible at 0 %, at 100 % and for small
/// samples. No trials give [0, 1] around NaN. Throws: std::invalid_argument unless 0 <= successes <= trials.
Estimate proportion(int64_t successes, int64_t trials);

/// Trials that resemble each other: the objects of one video, the videos of one prompt.
struct Cluster {
  int64_t successes = 0, trials = 0;
};

/// The same for trials in clusters: the number of trials is divided by the design effect (L. Kish, 1965; how
/// much the clusters' results vary beyond independent trials, at least 1). If all or none succeed, the effect
/// cannot be estimated, and each cluster counts as one trial.
Estimate proportion(std::span<const Cluster> clusters);

/// Mean with a percentile bootstrap interval (B. Efron, 1979); the same seed gives the same interval on every
/// platform. No values give NaN, one value an interval of no width.
Estimate bootstrap_mean(std::span<const double> values, uint64_t seed = 0, int resamples = 2000);

/// Mean of `after - before` over pairs (the same prompt and seed twice), with its bootstrap interval: an
/// interval that does not contain 0 is a change that the sample shows. Throws: std::invalid_argument if the
/// lengths differ.
Estimate bootstrap_difference(std::span<const double> before, std::span<const double> after,
                              uint64_t seed = 0, int resamples = 2000);

/// Any number of a sample, with a percentile bootstrap interval: `statistic` is given indices of 0 to units - 1, once each
/// and then drawn with repetition. Units resemble each other no more than any two of the sample: pictures, not questions
/// about one. No units give NaN; resamples for which the statistic is NaN are left out.
Estimate bootstrap(size_t units, const std::function<double(std::span<const size_t>)>& statistic,
                   uint64_t seed = 0, int resamples = 1000);

}  // namespace reel::world
