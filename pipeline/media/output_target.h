// Checks that an output can be written to its path.
#pragma once

#include "pipeline/media/output_plan.h"

namespace reel::media {

/// As models::check_target; with a pattern, for every name that the pattern can give.
void check_targets(const OutputPlan& plan);

}  // namespace reel::media
