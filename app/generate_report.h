// Texts about a generated video: the plan before, the report after, the recipe inside.
#pragma once

#include <string>

#include "app/generate_job.h"
#include "app/session/placement.h"
#include "pipeline/run/report.h"

namespace reel::app {

struct RunFacts {
  double total_s = 0, load_s = 0;
};

/// The dtype in which the job's denoiser computes.
at::ScalarType dtype_of(const GenerateJob& job, const Placement& placement);

/// The plan of --dry-run: resolved options, memory, sites of each edit; text or JSON.
std::string describe_plan(const GenerateJob& job, const Placement& placement, bool json);

/// The JSON object that --json prints for a finished video.
std::string describe_run(const GenerateJob& job, const pipeline::Report& report, const Placement& placement,
                         const RunFacts& facts);

/// The JSON text that is stored in the file beside the graph: version, model and its fingerprint, resolved
/// options.
std::string recipe(const GenerateJob& job, const Placement& placement);

}  // namespace reel::app
