// Reads job options from JSON, by the table of options.
#pragma once

#include <string>

#include "pipeline/jobs/generate_options.h"

namespace reel::pipeline {

/// Sets in `options` what the JSON object `text` names; keys are names of job options, with dashes or underscores.
/// Values are not converted: an integer is written without a fraction, a flag as true or false, and an option that
/// may be repeated as a text or a list of texts.
/// Throws: BadValue for a value of another type or outside the option's range; std::invalid_argument
/// "[place] the option 'key' is not known ..." with the nearest spelling, "[place] has 'key' twice ...", or
/// "[place] must be ..." for other JSON.
void read_options(const std::string& place, const std::string& text, GenerateOptions& options);

}  // namespace reel::pipeline
