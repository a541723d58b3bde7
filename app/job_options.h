// Job options on a command line.
#pragma once

#include <CLI/CLI.hpp>
#include <string_view>

#include "pipeline/jobs/generate_options.h"

namespace reel::app {

/// Declares every option of pipeline::job_options() on a verb, but those that all verbs share; `options` must outlive
/// the verb.
void add_job_options(CLI::App& verb, pipeline::GenerateOptions& options);

/// Declares one of them, with the table's range and help. Throws: std::logic_error if the table has none of that name.
CLI::Option* add_job_option(CLI::App& verb, pipeline::GenerateOptions& options, std::string_view name);

}  // namespace reel::app
