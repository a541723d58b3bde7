// Texts about a generated video: the plan before, the report after.
#pragma once

#include <string>
#include <vector>

#include "app/session/notes.h"
#include "app/session/placement.h"
#include "pipeline/jobs/generate_job.h"
#include "pipeline/jobs/recipe.h"
#include "pipeline/run/report.h"

namespace reel::app {

/// What a run has shown beside the executor's report.
struct RunFacts {
  pipeline::JobPlace place;
  at::Device device = at::kCPU;
  double total_s = 0, load_s = 0;
  ListPlace list = {};
};

/// The plan of --dry-run: resolved options, memory, sites of each edit; text or JSON. `warnings`: what a run would warn
/// about; the JSON has them, too.
std::string describe_plan(const pipeline::GenerateJob& job, const Placement& placement, bool json,
                          std::vector<std::string>& warnings, const ListPlace& list = {});

/// The JSON object that --json prints for a finished video.
std::string describe_run(const pipeline::GenerateJob& job, const pipeline::Report& report,
                         const RunFacts& facts);

}  // namespace reel::app
