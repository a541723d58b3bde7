// CHAIR and what belongs beside it, as numbers with intervals.
#pragma once

#include <memory>
#include <vector>

#include "pipeline/evaluation/hallucination/chair.h"
#include "pipeline/evaluation/unit_metric.h"

namespace reel::evaluation {

/// A caption and what else is known of it.
struct ScoredCaption {
  CaptionObjects objects;
  std::set<std::string> expected;  // objects that usually come with those of the picture and are not there
};

/// The units are captions. chair_i, chair_s, recall, precision, f1, length as ChairScore has them; `expected`: the share
/// of invented mentions that are expected objects, if any caption has some.
std::vector<UnitMetric> chair_metrics(std::shared_ptr<const std::vector<ScoredCaption>> captions);

}  // namespace reel::evaluation
