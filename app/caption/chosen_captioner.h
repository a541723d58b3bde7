// The captioner that --model names, and the edits of its attention.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "app/session/common_options.h"
#include "pipeline/run/model_cache.h"

namespace reel::app {

struct ChosenCaptioner {
  pipeline::Folder folder;
  std::string name;  // as people call it: the folder's
};

/// Throws: as models::find_model and ModelFolder::open; std::runtime_error for a model that makes videos.
ChosenCaptioner choose_captioner(const CommonOptions& common);

/// Reads --edit texts. An edit that changes nothing in the model gets a warning, unless `warned` has it; reads no weights.
/// Throws: std::invalid_argument as EditRegistry::parse, and for an edit that captioners do not serve.
attention::EditPlan captioner_edits(const CommonOptions& common, const std::vector<std::string>& edits,
                                    const pipeline::Folder& folder, pipeline::ModelCache& models,
                                    std::set<std::string>& warned);

}  // namespace reel::app
