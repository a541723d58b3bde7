// The jobs of a --prompts file.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "pipeline/jobs/generate_options.h"

namespace reel::pipeline {

/// One job for each line of `stream`, which messages call `name`. A line is a prompt, or a JSON object with names of
/// options (option_reader.h); all other options are those of `base`. Files that the lines do not name are numbered.
/// Throws: std::invalid_argument if there is no job, a line is bad, or `base` has a synopsis.
std::vector<GenerateOptions> read_prompt_lines(std::istream& stream, const std::string& name,
                                               const GenerateOptions& base);

}  // namespace reel::pipeline
