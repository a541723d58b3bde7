// A video synopsis as text: what is to be seen, stage after stage, from the first frame to the last.
#pragma once

#include "guidance/prompt_schedule.h"

namespace reel::guidance {

/// The frames at which `stages` prompts are reached when they are spread over `frames` frames: stage l at
/// floor(l (F - 1) / (L - 1)), so the first and the last frame are among them; one stage: frame 0.
/// Throws: std::invalid_argument unless 1 <= stages <= frames.
/// Source: video synopsis prompting of "VSTAR: Generative Temporal Nursing for Longer Dynamic Video
/// Synthesis" (2024).
std::vector<int64_t> synopsis_knots(int64_t stages, int64_t frames);

/// Reads stages written one a line, or between semicolons on a single line; spaces around them and blank
/// lines do not count. They are spread over the frames, unless each says where it is reached: `FRAME:TEXT`,
/// the first at frame 0, the last at frames - 1, rising. Throws: std::invalid_argument for no stage, an empty
/// one, more stages than frames, or frames that do not fit.
PromptKeys read_synopsis(const std::string& text, int64_t frames);

}  // namespace reel::guidance
