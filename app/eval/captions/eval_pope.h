// The work of `reel eval pope`.
#pragma once

#include "app/eval/captions/caption_eval_options.h"

namespace reel::app {

/// On drawn scenes, or on published questions. Returns the exit code.
int evaluate_pope(const CaptionEvalOptions& options);

}  // namespace reel::app
