// Job options on a command line.
#pragma once

#include <CLI/CLI.hpp>

#include "pipeline/jobs/generate_options.h"

namespace reel::app {

/// Declares every option of pipeline::job_options() on a verb, but those that all verbs share; `options` must outlive
/// the verb.
void add_job_options(CLI::App& verb, pipeline::GenerateOptions& options);

}  // namespace reel::app
