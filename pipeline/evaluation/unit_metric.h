// Numbers of a sample whose units (pictures) are independent of each other, while what is counted in one (objects of a
// caption, questions about a picture) is not.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "pipeline/evaluation/statistics.h"

namespace reel::evaluation {

/// One number. Either a share of trials, which has Wilson's interval, or any number, which has a bootstrap interval.
struct UnitMetric {
  std::string key, label;
  double scale = 1;  // of tables
  int digits = 3;
  std::function<world::Cluster(size_t unit)> share;                 // trials of one unit and how many succeed
  std::function<double(std::span<const size_t> units)> value = {};  // of these units; NaN: it has none

  double of(std::span<const size_t> units) const;
};

/// The number for `units` units. `count` is the number of trials of a share, and of units otherwise.
world::Estimate estimate(const UnitMetric& metric, size_t units);

/// `after - before`, both of the same units, by a paired bootstrap. `count` is the number of units.
world::Estimate difference(const UnitMetric& before, const UnitMetric& after, size_t units);

}  // namespace reel::evaluation
