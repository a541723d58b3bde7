// The ground truth: renders scenes of the closed world exactly as assets/world/README.md says.
#pragma once

#include "pipeline/evaluation/world/scene.h"
#include "pipeline/media/frames.h"

namespace reel::world {

/// Size of a rendering; 0 means the world's own.
struct RenderSize {
  int64_t width = 0, height = 0, num_frames = 0;
};

/// The background alone: float [3, H, W] in [0, 1].
at::Tensor render_background(const World& world, const Scene& scene, const Take& take, int64_t height,
                             int64_t width);

/// Float [F, 3, H, W] in [0, 1].
/// Throws: std::invalid_argument if scene and take do not belong together or an index lies outside the world.
at::Tensor render(const World& world, const Scene& scene, const Take& take, RenderSize size = {});

/// Rounds float [F, 3, H, W] in [0, 1] to 8 bits; values outside are cut.
media::Frames to_frames(const World& world, const at::Tensor& video);

}  // namespace reel::world
