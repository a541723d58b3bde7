// A video synopsis as text: what the video shows, stage after stage, from the first frame to the last.
#pragma once

#include "guidance/prompt_schedule.h"

namespace reel::guidance {

/// The knots of `stages` stages spread evenly over `frames` frames: stage l is reached at frame floor(l (F -
/// 1) / (L - 1)), so the first and the last frame are knots. A single stage has frame 0.
/// Throws: std::invalid_argument unless 1 <= stages <= frames.
/// Source: video synopsis prompting of "VSTAR: Generative Temporal Nursing for Longer Dynamic Video
/// Synthesis" (2024).
std::vector<int64_t> synopsis_knots(int64_t stages, int64_t frames);

/// Reads stages: one per line, or separated by semicolons on a single line. Spaces around a stage and blank
/// lines are ignored. Stages are spread evenly over the frames, unless each states its frame as `FRAME:TEXT`:
/// the first is then at frame 0, the last at frames - 1, and frames rise.
/// Throws: std::invalid_argument for no stage, an empty one, more stages than frames, or frames that break
/// these rules.
PromptKeys read_synopsis(const std::string& text, int64_t frames);

}  // namespace reel::guidance
