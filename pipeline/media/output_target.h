// Checks that an output can be written to its path.
#pragma once

#include "models/files/output/replacement.h"
#include "pipeline/media/output_plan.h"

namespace reel::media {

/// The names that the plan's pattern can give.
models::Belongs names_of(const OutputPlan& plan);

/// As models::check_target; with a pattern, for every name that the pattern can give, after undoing what
/// a process that ended while it named its pictures has left.
void check_targets(const OutputPlan& plan);

}  // namespace reel::media
