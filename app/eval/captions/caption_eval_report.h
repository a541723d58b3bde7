// What the evaluations of captioners print.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/evaluation/unit_metric.h"

namespace reel::app {

/// Numbers under one title; all of the same units.
struct MetricGroup {
  std::string key, title;  // empty: the only one
  size_t units = 0;
  std::vector<evaluation::UnitMetric> metrics;
};

/// What one variant came to. All variants of an evaluation have the same groups, metrics and units.
struct VariantMetrics {
  std::vector<std::string> edits;  // none: unedited
  std::vector<MetricGroup> groups;
};

/// A table each variant, with its difference to the first one from the second on.
std::string metric_table(const std::vector<VariantMetrics>& variants);

/// [{"edits", "results": {"GROUP.METRIC": {"value", "low", "high", "count"}}, "difference": ...}]; null for what is no
/// number; the first variant has no difference.
nlohmann::json metrics_json(const std::vector<VariantMetrics>& variants);

}  // namespace reel::app
