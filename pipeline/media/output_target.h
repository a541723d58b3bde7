// Checks that an output can be written to its path, or has been.
#pragma once

#include "models/files/output/replacement.h"
#include "pipeline/media/output_plan.h"

namespace reel::media {

/// The names that the plan's pattern can give.
models::Belongs names_of(const OutputPlan& plan);

/// As models::check_target; with a pattern, for every name that the pattern can give, after undoing what
/// a process that ended while it named its pictures has left.
void check_targets(const OutputPlan& plan);

/// Whether an output of that many frames is there; of a pattern, all of its pictures.
bool is_there(const std::string& path, int64_t frames);

}  // namespace reel::media
