#include "pipeline/evaluation/unit_metric.h"

#include <limits>
#include <vector>

namespace reel::evaluation {

double UnitMetric::of(std::span<const size_t> units) const {
  if (value) return value(units);
  world::Cluster sum;
  for (const size_t unit : units) {
    const world::Cluster cluster = share(unit);
    sum.successes += cluster.successes, sum.trials += cluster.trials;
  }
  if (sum.trials == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(sum.successes) / static_cast<double>(sum.trials);
}

world::Estimate estimate(const UnitMetric& metric, size_t units) {
  if (metric.value) return world::bootstrap(units, metric.value);
  std::vector<world::Cluster> clusters;
  for (size_t unit = 0; unit < units; ++unit) clusters.push_back(metric.share(unit));
  return world::proportion(clusters);
}

world::Estimate difference(const UnitMetric& before, const UnitMetric& after, size_t units) {
  return world::bootstrap(
      units, [&](std::span<const size_t> chosen) { return after.of(chosen) - before.of(chosen); });
}

}  // namespace reel::evaluation
