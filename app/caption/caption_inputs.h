// The inputs of `reel caption`.
#pragma once

#include <vector>

#include "app/caption/caption_options.h"
#include "pipeline/batch/input_list.h"

namespace reel::app {

/// The files that the words of the command line stand for; a list on standard input is read. A note counts the files of
/// folders that are no pictures by their names.
/// Throws: as pipeline::expand_inputs; std::invalid_argument for outputs that are one file, or an input.
std::vector<pipeline::BatchInput> caption_inputs(const CaptionOptions& options);

}  // namespace reel::app
