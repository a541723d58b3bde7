// Scores one video against the stages that were asked for: the right content at each stage, and how the video
// gets from one to the next.
#pragma once

#include "pipeline/evaluation/scoring/recognise.h"
#include "pipeline/evaluation/world/scene_stages.h"

namespace reel::world {

/// What the frames around one knot show.
struct StageScore {
  int64_t knot = 0;                  // the frame where the stage is reached
  int object = -1, background = -1;  // recognised; -1: none
  bool object_right = false, background_right = false;
  bool right() const { return object_right && background_right; }
};

struct StageScores {
  std::vector<StageScore> stages;
  /// Largest change from one frame to the next, in steps of an even course: the distances of neighbouring
  /// knots, added up and spread over all steps. About 1: even; (F - 1) / (L - 1) and more: sudden; 0: nothing
  /// changes.
  double largest_step = 0;
  /// Largest share of the frame that makes half of its whole change, or more, within one step.
  double jumping = 0;
  double change = 0;  // mean difference of the first and the last frame, in levels of 255
  bool all_right() const;
};

/// The frames that show stage `stage`: its knot first, and at most two more on each side. Between linear
/// stages: frames at most a sixteenth of the way to a neighbouring knot. Of a held stage: frames behind the
/// knot, up to half of the way to the next.
std::vector<int64_t> stage_frames(const std::vector<int64_t>& knots, size_t stage,
                                  guidance::PromptBlend blend);

/// Holds the data that depends on the world alone.
class StageScorer {
 public:
  /// `world` must outlive the scorer.
  explicit StageScorer(const World& world);
  /// frames: uint8 [F, H, W, 3], at least 2 frames and one per stage, of at least 16 x 16 pixels.
  /// Throws: std::invalid_argument for other frames or stages that are not of this world.
  StageScores score(const at::Tensor& frames, const SceneStages& asked, guidance::PromptBlend blend) const;

 private:
  const World& world_;
  SpriteBank bank_;
};

}  // namespace reel::world
