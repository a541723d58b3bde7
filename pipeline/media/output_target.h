// Whether an output can be written where its plan wants it.
#pragma once

#include "pipeline/media/output_plan.h"

namespace reel::media {

/// As models::check_target, for every name that the pattern of the plan could give.
void check_targets(const OutputPlan& plan);

}  // namespace reel::media
