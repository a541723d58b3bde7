// What the evaluations of captioners print.
#pragma once

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

/// `facts`, the text of a JSON object, with "variants": [{"edits", "results": {"GROUP.METRIC": {"value", "low", "high",
/// "count"}}, "difference": ...}]; null for what is no number; the first variant has no difference.
std::string metric_json(const std::string& facts, const std::vector<VariantMetrics>& variants);

}  // namespace reel::app
