// The work of `reel eval chair`.
#pragma once

#include "app/eval/captions/caption_eval_options.h"

namespace reel::app {

/// On drawn scenes, on COCO's pictures, or on captions that are there already. Returns the exit code.
int evaluate_chair(const CaptionEvalOptions& options);

}  // namespace reel::app
