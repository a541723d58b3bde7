// Jobs of this session: with the model that the shared options name, and all plug-ins of this build.
#pragma once

#include "app/session/common_options.h"
#include "app/session/placement.h"
#include "pipeline/jobs/generate_job.h"
#include "pipeline/jobs/recipe.h"

namespace reel::app {

/// pipeline::resolve_job with the session's model and plug-ins; a job that names no seed has the session's.
/// Throws: as resolve_job.
pipeline::GenerateJob session_job(pipeline::GenerateOptions options, const CommonOptions& common);

/// The dtype in which the job's denoiser computes.
at::ScalarType dtype_of(const pipeline::GenerateJob& job, const Placement& placement);

/// Where the session computes a job, for its recipe and report. Reads headers and samples of the weights.
pipeline::JobPlace job_place(const pipeline::GenerateJob& job, const Placement& placement);

}  // namespace reel::app
