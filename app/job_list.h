// The jobs of `reel generate`: one, or those of a --prompts file.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/session/common_options.h"
#include "app/session/notes.h"
#include "pipeline/jobs/prompt_lines.h"

namespace reel::app {

struct JobListOptions {
  std::string file;            // --prompts; - for standard input
  bool skip_existing = false;  // finished files count as done
};

/// Runs one job of a list.
using RunJob = std::function<void(const pipeline::GenerateOptions&, const ListPlace&)>;

/// Reads the list, names all bad lines at once, and runs the good ones in their order; the time left is told before
/// each. On stdout, a JSON document of an error stands where the result of the line would. Returns kDone, kSomeFailed
/// or, for a list of one job, the code of its error. Throws: as read_prompt_lines; pipeline::Cancelled.
int run_job_list(const JobListOptions& list, const pipeline::GenerateOptions& base,
                 const CommonOptions& common, const RunJob& run);

}  // namespace reel::app
