// Whether an object keeps its shape while it is seen.
#pragma once

#include "pipeline/evaluation/scoring/track.h"

namespace reel::world {

/// Root mean square error over the channels of what a sprite covers, in [0, 1], from which its shape is lost.
constexpr double kLostError = 0.2;
/// The squared error as a share of the sprite's squared contrast to what lies under it: of pale sprites a small error is
/// much.
constexpr double kLostContrast = 0.3;
/// A shape is kept in a video if it is in this share of the frames: 13 of 16.
constexpr double kLeastKept = 0.8;

/// How well an object keeps its shape.
struct Shape {
  double share = 0;  // of the frames, in which it does; frames that do not show it count as lost
  double loss = 1 / kLostContrast;  // that kLeastKept of the frames stay within
  bool kept() const { return share >= kLeastKept; }
};

/// How much of its shape an object has lost in one frame: 0 is none, and above 1 it counts as lost. The larger one of the
/// error that the sprite leaves at its tracked pose in units of kLostError, and of that in units of kLostContrast. What
/// stands out from the background beside it is an error, too: a second copy, a smear, a part that came off.
/// docs/eval.md states how the limits were chosen, and their false alarms.
double shape_loss(const SpriteBank& bank, int sprite, const Pose& pose, const Target& target, double noise);

/// Over all frames of a track.
Shape shape_of(const SpriteBank& bank, int sprite, const View& view, const std::vector<Sighting>& track);

/// Takes the pixels where a tracked sprite is out of the view.
void hide(const SpriteBank& bank, int sprite, const std::vector<Sighting>& track, View& view);

}  // namespace reel::world
