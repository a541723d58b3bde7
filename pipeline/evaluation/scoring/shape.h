// Whether an object keeps its shape while it is seen.
#pragma once

#include "pipeline/evaluation/scoring/track.h"

namespace reel::world {

/// An object has lost its shape in a frame if the error there exceeds this. Chosen between what rendered truth
/// has (0.15 in 99 of 100 frames) and what melted objects have; docs/eval.md states the false alarms.
constexpr double kLostShape = 0.17;
/// It keeps its shape in a video if it does in this share of the frames: 13 of 16.
constexpr double kLeastKept = 0.8;

/// How well an object keeps its shape.
struct Shape {
  double share = 0;  // of the frames, in which it keeps its shape; frames that do not show it count as lost
  double error = 1;  // the error that kLeastKept of the frames stay within; 1 where it is not seen
  bool kept() const { return share >= kLeastKept; }
};

/// Error of the sprite at its tracked pose in one frame: root mean square over the channels of what it covers.
/// What stands out from the background beside it counts as well, so that a second copy, a smear or a part that
/// came off is an error, too. 1 if the sprite explains less than a quarter of its own contrast.
double shape_error(const SpriteBank& bank, int sprite, const Pose& pose, const Target& target, double noise);

/// Over all frames of a track.
Shape shape_of(const SpriteBank& bank, int sprite, const View& view, const std::vector<Sighting>& track);

/// Takes the pixels where a tracked sprite is out of the view.
void hide(const SpriteBank& bank, int sprite, const std::vector<Sighting>& track, View& view);

}  // namespace reel::world
