// The JSON that the verbs of `reel eval` print.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "app/eval/eval_plan.h"

namespace reel::app {

/// source, model, edits, options, videos, interrupted, seconds: all but the results.
nlohmann::json evaluation_facts(const Evaluation& evaluation);

/// The estimates of one variant, by the metrics' keys: value, low, high, count; null for a value that is not
/// a number.
nlohmann::json results_json(const Evaluation& evaluation, size_t variant);

/// The same for the difference of a variant to the first one.
nlohmann::json differences_json(const Evaluation& evaluation, size_t variant);

/// The whole document of an evaluation with one or two variants.
std::string evaluation_json(const Evaluation& evaluation);

}  // namespace reel::app
