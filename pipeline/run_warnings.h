// What the user should know before a video is sampled, though it can be.
#pragma once

#include <string>
#include <vector>

#include "attention/plugin/misfit.h"
#include "models/model_folder.h"

namespace reel::pipeline {

/// Parts of the model's folder that have no effect, and a size far from that of the videos that it was trained on:
/// below half or above twice its width or height. `size`: of the video, in pixels.
std::vector<std::string> model_warnings(const models::ModelFolder& model, const models::Extent& size);

/// Edits that change, or see, nothing in such a run.
/// Throws: std::invalid_argument for an edit that selects heads which a layer lacks.
std::vector<std::string> edit_warnings(const attention::EditPlan& edits,
                                       const std::vector<attention::Site>& sites,
                                       const attention::RunShape& run);

}  // namespace reel::pipeline
