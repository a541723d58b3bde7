// What is to be seen when: the prompts of a job.
#pragma once

#include "pipeline/jobs/generate_job.h"

namespace reel::pipeline {

/// Checks the prompts of a job whose number of frames is known, and reads its synopsis.
/// Throws: std::invalid_argument for texts that are not UTF-8, keys outside the video, or a synopsis beside other
/// prompts; std::runtime_error for a synopsis file that cannot be read.
void resolve_prompts(GenerateJob& job);

}  // namespace reel::pipeline
