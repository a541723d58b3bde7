// What answers to yes-or-no questions are worth, as numbers with intervals.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "pipeline/evaluation/hallucination/pope.h"
#include "pipeline/evaluation/unit_metric.h"

namespace reel::evaluation {

/// A question and its answer.
struct AnsweredQuestion {
  size_t picture = 0;  // whose questions resemble each other, below the number of pictures
  bool truth = false, answer = false;
  double margin = 0;  // how much more yes than no; NaN: not known
};

/// The units are pictures, some of which may have no question. accuracy, precision, recall, f1,
/// yes_ratio as PopeScore has them, positive: yes; `auc`: area_under_curve, if every margin is known.
std::vector<UnitMetric> pope_metrics(const std::vector<AnsweredQuestion>& answers, size_t pictures);

}  // namespace reel::evaluation
