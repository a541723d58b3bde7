// The recipe that is stored in a video beside its graph: how it was made, for people and for `reel replay`.
#pragma once

#include <map>
#include <string>

#include "pipeline/jobs/generate_job.h"

namespace reel::pipeline {

/// Where a job is computed, and with which weights: what a recipe says besides the options.
struct JobPlace {
  std::string device, dtype;  // as in --device and --dtype: cuda:0, f16
  std::string weights;        // models::model_fingerprint
};

/// The JSON text of a job's recipe: version of reel, model and fingerprint, names and fingerprints of further files,
/// resolved options (options_json.h). It names no folders of the user.
std::string write_recipe(const GenerateJob& job, const JobPlace& place);

/// What a replay needs of a recipe; the rest of the job stands in the graph.
struct Recipe {
  std::string version = "?";                 // of the reel that wrote it
  std::string dtype;                         // empty: it does not say
  std::string model, model_hash;             // its name, and models::model_fingerprint; may be empty
  std::map<std::string, std::string> files;  // name -> models::file_fingerprint
};

/// Reads a recipe, which may be somebody else's; `place` names it in messages. An empty text says nothing.
/// Throws: std::runtime_error as Config does, if it is no JSON object, or a member has another type.
Recipe read_recipe(const std::string& text, const std::string& place);

}  // namespace reel::pipeline
