// The parts of the JSON that the verbs of `reel eval` print.
#pragma once

#include <nlohmann/json.hpp>

#include "app/eval/eval_report.h"

namespace reel::app {

/// value, low, high, count; null for what is not a number.
nlohmann::json estimate_json(const world::Estimate& estimate);

/// source, model, edits, options, videos, interrupted, seconds: all but the results.
nlohmann::json evaluation_facts(const Evaluation& evaluation);

/// Of one variant, or of its difference to the first, by the metrics' keys.
nlohmann::json results_json(const Evaluation& evaluation, size_t variant);
nlohmann::json differences_json(const Evaluation& evaluation, size_t variant);

}  // namespace reel::app
