// Finds the model and the files that a recipe names. A recipe knows names and fingerprints; folders in it are those of
// its maker, and are not followed.
#pragma once

#include <string>
#include <vector>

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"
#include "pipeline/jobs/recipe.h"

namespace reel::pipeline {

/// What a user names for a replay, and where models and files are looked for.
struct ReplaySources {
  std::string model, motion_adapter;     // of the user; empty: as the recipe says
  std::vector<std::string> files;        // of the user: LoRAs, noise
  std::vector<std::string> models;       // folders with models (models::model_search_path)
  std::vector<std::string> beside = {};  // further folders for files: the video's, the working folder
};

/// Puts into the graph the paths of this machine. `warnings` receives what differs from what the recipe's maker had.
/// Throws: std::runtime_error if a model or file is not found, with the option that names it; std::invalid_argument for
/// a model or file of the user that the recipe has no use for.
void locate_files(const NodeRegistry& registry, Graph& graph, const Recipe& recipe,
                  const ReplaySources& sources, const std::string& place, std::vector<std::string>& warnings);

}  // namespace reel::pipeline
