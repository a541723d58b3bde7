// Which motion a tracked object performs.
#pragma once

#include <vector>

#include "pipeline/evaluation/world/scene.h"

namespace reel::world {

/// Where an object was found in one frame.
struct Sighting {
  bool seen = false;
  Pose pose;             // the angle is continuous over the clip: a full turn counts 2 pi
  double explained = 0;  // fraction of what stands out from the background that the sprite explains
};

/// How much an object moves from frame to frame, averaged over neighbouring frames that both show it.
struct MotionAmplitude {
  double displacement = 0;  // of the centre, in frame widths
  double zoom = 0;          // |log of the ratio of sizes|
  double turn = 0;          // |angle|, radians
  /// All of it as the path of the object's edge, in frame widths a frame: displacement + size / 2 * (zoom +
  /// turn).
  double edge = 0;
};

struct MotionFit {
  int motion = -1;   // -1: seen in less than half of the frames, or no motion of the world comes near
  double error = 0;  // of the best motion: mean square in units of a full motion of each kind
  std::vector<double> errors;  // of every motion
  MotionAmplitude amplitude;
  /// Root mean square change of velocity from frame to frame, in frame widths a frame, beyond that of the
  /// best motion itself; zooms and turns count by how far they move the object's edge.
  double roughness = 0;
};

/// Fits what each motion predicts for x, y, log(size) and angle by least squares, its extent between 0.6
/// and 1.8 of the world's middle one, and takes the motion that leaves least. Each quantity is measured in
/// full motions of its kind, so that errors of different kinds compare.
MotionFit classify_motion(const World& world, const Layout& layout, const std::vector<Sighting>& track);

}  // namespace reel::world
