// The recipe that is stored in a video beside its graph: how it was made, for people and for `reel replay`.
#pragma once

#include <optional>
#include <string>

#include "pipeline/jobs/generate_job.h"

namespace reel::pipeline {

/// Where a job is computed, and with which weights: what a recipe says besides the options.
struct JobPlace {
  std::string device, dtype;  // as in --device and --dtype: cuda:0, f16
  std::string weights;        // models::model_fingerprint
};

/// The JSON text of a job's recipe: version of reel, model and fingerprint, resolved options (options_json.h).
std::string write_recipe(const GenerateJob& job, const JobPlace& place);

/// What a replay needs of a recipe; the rest of the job stands in the graph.
struct Recipe {
  std::string version = "?";  // of the reel that wrote it
  std::string dtype;          // empty: it does not say
};

/// Reads a recipe. None if `text` is no JSON object; members of another type count as absent.
std::optional<Recipe> read_recipe(const std::string& text);

}  // namespace reel::pipeline
