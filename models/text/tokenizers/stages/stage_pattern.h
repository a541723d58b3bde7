// The `pattern` of a stage: {"String": text} or {"Regex": expression}. Only for sources that read stages.
#pragma once

#include "models/text/tokenizers/stages/token_pattern.h"

namespace reel::models {

class StageReader;

/// Throws: std::runtime_error as TokenPattern::expression, and if there is neither.
TokenPattern read_stage_pattern(const StageReader& stage);

}  // namespace reel::models
