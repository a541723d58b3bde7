// The jobs of a --prompts file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/generate_job.h"

namespace reel::app {

using ListedJob = std::pair<GenerateOptions, CommonOptions>;

/// One job for each line of `file_name` (- for standard input). A line is a prompt, or a JSON object with
/// names of options (dashes or underscores); all other options are those of `base` and `common`. Outputs that
/// the lines do not name are numbered. Throws: std::runtime_error if the file cannot be read;
/// std::invalid_argument if it holds no job or a bad line.
std::vector<ListedJob> read_job_list(const std::string& file_name, const GenerateOptions& base,
                                     const CommonOptions& common);

}  // namespace reel::app
