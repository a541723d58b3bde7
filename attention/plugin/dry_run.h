// What a plan would do to a model, without a run.
#pragma once

#include <vector>

#include "attention/processor.h"

namespace reel::attention {

/// Which sites each rule of the plan would match; needs no run. Throws as Selector::heads_of does.
std::vector<EditReport> dry_run(const EditPlan& plan, const std::vector<Site>& sites);

}  // namespace reel::attention
