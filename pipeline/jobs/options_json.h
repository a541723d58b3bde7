// The options of a job as JSON, for recipes and reports.
#pragma once

#include <nlohmann/json.hpp>

#include "pipeline/jobs/recipe.h"

namespace reel::pipeline {

/// The resolved options that a recipe stores, under their names with underscores; besides width, height, the stages
/// of a synopsis as {frame, text}, device and dtype.
nlohmann::json options_json(const GenerateJob& job, const JobPlace& place);

}  // namespace reel::pipeline
