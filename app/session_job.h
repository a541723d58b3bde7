// Jobs of this session: with the model that the shared options name, and all plug-ins of this build.
#pragma once

#include "app/session/common_options.h"
#include "app/session/placement.h"
#include "pipeline/jobs/generate_job.h"
#include "pipeline/jobs/recipe.h"
#include "pipeline/run_warnings.h"

namespace reel::app {

/// pipeline::resolve_job with the session's model and plug-ins; a job that names no seed has the session's.
/// Throws: as resolve_job.
pipeline::GenerateJob session_job(pipeline::GenerateOptions options, const CommonOptions& common);

/// The dtype in which the job's denoiser computes.
at::ScalarType dtype_of(const pipeline::GenerateJob& job, const Placement& placement);

/// Where the session computes a job, for its recipe and report. Reads headers and samples of the weights.
pipeline::JobPlace job_place(const pipeline::GenerateJob& job, const Placement& placement);

/// The attention sites of the job's denoiser, without reading its weights.
std::vector<attention::Site> job_sites(const pipeline::GenerateJob& job, const Placement& placement);

/// The job's edits as rules.
attention::EditPlan edit_plan(const pipeline::GenerateJob& job);

/// The steps and rows of the job's sampling.
attention::RunShape run_shape(const pipeline::GenerateJob& job);

/// What sampling will warn about (pipeline/run_warnings.h). Throws: as edit_warnings.
std::vector<std::string> job_warnings(const pipeline::GenerateJob& job,
                                      const std::vector<attention::Site>& sites);

}  // namespace reel::app
