#include "pipeline/evaluation/statistics.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "pipeline/evaluation/world/scene.h"

namespace reel::world {
namespace {

constexpr double kNormal95 = 1.959963984540054;  // 97.5 % quantile of the normal distribution
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Quantile of sorted values, linear between order statistics.
double quantile(const std::vector<double>& sorted, double level) {
  const double place = level * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(place), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

void check_trials(int64_t successes, int64_t trials) {
  if (successes < 0 || successes > trials) {
    throw std::invalid_argument(
        c10::str("[statistics] successes must lie in 0 to trials (", trials, "), got ", successes));
  }
}

/// Around `p`, as if `n` independent trials had given it.
Estimate wilson(double p, double n, int64_t count) {
  const double z2 = kNormal95 * kNormal95;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kNormal95 / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  // At 0 and 1 the formula reaches the bound exactly; rounding must not carry it beyond.
  const double low = p == 0 ? 0.0 : std::max(centre - half, 0.0);
  const double high = p == 1 ? 1.0 : std::min(centre + half, 1.0);
  return {p, low, high, count};
}

}  // namespace

Estimate proportion(int64_t successes, int64_t trials) {
  check_trials(successes, trials);
  if (trials == 0) return {kUnknown, 0, 1, 0};
  const double n = static_cast<double>(trials);
  return wilson(static_cast<double>(successes) / n, n, trials);
}

Estimate proportion(std::span<const Cluster> clusters) {
  int64_t successes = 0, trials = 0, filled = 0;
  for (const Cluster& cluster : clusters) {
    check_trials(cluster.successes, cluster.trials);
    successes += cluster.successes, trials += cluster.trials, filled += cluster.trials > 0;
  }
  if (trials == 0) return {kUnknown, 0, 1, 0};
  const double n = static_cast<double>(trials), p = static_cast<double>(successes) / n;
  if (successes == 0 || successes == trials) return wilson(p, static_cast<double>(filled), trials);
  double squares = 0;  // n^2 times the variance of p, from cluster to cluster
  for (const Cluster& cluster : clusters) {
    const double rest = static_cast<double>(cluster.successes) - p * static_cast<double>(cluster.trials);
    squares += rest * rest;
  }
  const double design_effect = squares / (n * p * (1 - p));
  return wilson(p, n / std::max(design_effect, 1.0), trials);
}

Estimate bootstrap_mean(std::span<const double> values, uint64_t seed, int resamples) {
  if (resamples < 1) throw std::invalid_argument("[statistics] at least one resample is needed");
  if (values.empty()) return {kUnknown, kUnknown, kUnknown, 0};
  double sum = 0;
  for (const double value : values) sum += value;
  const double count = static_cast<double>(values.size());
  Dice dice(seed);
  std::vector<double> means(resamples);
  for (double& mean : means) {
    double drawn = 0;
    for (size_t i = 0; i < values.size(); ++i) drawn += values[dice.below(values.size())];
    mean = drawn / count;
  }
  std::sort(means.begin(), means.end());
  return {sum / count, quantile(means, 0.025), quantile(means, 0.975), static_cast<int64_t>(values.size())};
}

Estimate bootstrap_difference(std::span<const double> before, std::span<const double> after, uint64_t seed,
                              int resamples) {
  if (before.size() != after.size()) {
    throw std::invalid_argument(c10::str("[statistics] pairs need as many values before (", before.size(),
                                         ") as after (", after.size(), ")"));
  }
  std::vector<double> differences(before.size());
  for (size_t i = 0; i < before.size(); ++i) differences[i] = after[i] - before[i];
  return bootstrap_mean(differences, seed, resamples);
}

Estimate bootstrap(size_t units, const std::function<double(std::span<const size_t>)>& statistic,
                   uint64_t seed, int resamples) {
  if (resamples < 1) throw std::invalid_argument("[statistics] at least one resample is needed");
  if (units == 0) return {kUnknown, kUnknown, kUnknown, 0};
  std::vector<size_t> chosen(units);
  std::iota(chosen.begin(), chosen.end(), size_t{0});
  Estimate estimate{statistic(chosen), kUnknown, kUnknown, static_cast<int64_t>(units)};
  Dice dice(seed);
  std::vector<double> values;
  for (int r = 0; r < resamples; ++r) {
    for (size_t& unit : chosen) unit = static_cast<size_t>(dice.below(units));
    const double value = statistic(chosen);
    if (std::isfinite(value)) values.push_back(value);
  }
  if (values.empty()) return estimate;
  std::ranges::sort(values);
  estimate.low = quantile(values, 0.025), estimate.high = quantile(values, 0.975);
  return estimate;
}

}  // namespace reel::world
