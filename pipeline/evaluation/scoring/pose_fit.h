// Places one sprite in one frame so that the composite comes as close to what is seen as it can.
#pragma once

#include "pipeline/evaluation/world/raster.h"

namespace reel::world {

/// What a sprite is fitted to: the frame, the same frame without the sprite, and how much each pixel counts.
struct Target {
  const Raster* seen = nullptr;
  const Raster* under = nullptr;
  const std::vector<float>* weight = nullptr;  // side x side; null: all 1
};

/// Sum over pixels and channels of the weighted squared differences between the frame and what lies under the
/// sprite.
double energy(const Target& target);

/// How much the sprite at `pose` changes that sum: negative if it explains the frame.
struct Gain {
  double agreement = 0;  // sum of products of what the sprite changes and what differs from the background
  double strength = 0;   // sum of squares of what the sprite changes
  /// The change of the sum with the sprite as it is.
  double plain() const { return strength - 2 * agreement; }
  /// The change with the sprite faded as suits best, by half at most. Sprites are compared by this one: with
  /// a plain sum, pale sprites win if the shape is not quite right, because they have less to lose.
  double softened() const;
};
Gain gain(const SpriteBank& bank, int sprite, const Pose& pose, const Target& target);

struct RefineOptions {
  int iterations = 4;
  bool free_angle = false;
};

/// Improves `pose` by damped Gauss-Newton steps on the plain gain and returns the gain reached. Sizes stay
/// within 0.08 to 0.9 of the frame and centres within the frame.
Gain refine(const SpriteBank& bank, int sprite, Pose& pose, const Target& target,
            const RefineOptions& options);

}  // namespace reel::world
