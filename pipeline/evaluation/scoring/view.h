// A clip as the search for objects sees it, and the first guesses of where an object is.
#pragma once

#include <vector>

#include "pipeline/evaluation/scoring/pose_fit.h"

namespace reel::world {

/// A clip at one resolution as the search sees it: each frame, what lies under the object in it, and how much
/// each pixel counts (empty: all the same).
struct View {
  std::vector<Raster> seen, under;
  std::vector<std::vector<float>> weight;
  double noise = 0;  // deviation of a channel from the background
  size_t frames() const { return seen.size(); }
  Target target(size_t frame) const {
    return {&seen[frame], &under[frame], weight.empty() ? nullptr : &weight[frame]};
  }
};

View halve(const View& view);

/// What stands out from the background in one frame.
struct Blob {
  bool present = false;
  double area = 0, x = 0, y = 0;  // in frame units
  double energy = 0;              // sum of squared differences, noise taken off
};

/// `reach`: deviation of the window around the blob (frame widths); what lies farther away counts less.
Blob find_blob(const Target& target, double noise, double reach);

/// A pose and the softened gain reached there.
struct Placed {
  Pose pose;
  double gain = 0;
};

/// The pose that lays the sprite's centre of mass on the blob's.
Pose start_pose(const Outline& outline, const Blob& blob, double size, double angle);
/// The size at which the sprite covers as much as the blob does.
double start_size(const Outline& outline, const Blob& blob);
/// Best of a few sizes at one angle, refined.
Placed place(const SpriteBank& bank, int sprite, const Blob& blob, const Target& target, double angle,
             int iterations);

}  // namespace reel::world
