// Draws still scenes as assets/world/README.md says, "Still scenes".
#pragma once

#include "pipeline/evaluation/still_scenes/still_scene.h"

namespace reel::world {

/// The picture without its noise, float [3, H, W] in [0, 1], in the size of the world.
/// Throws: std::invalid_argument if an index lies outside the world.
at::Tensor render_still(const StillWorld& still, const StillScene& scene);

/// The picture with noise from `dice`, uint8 [H, W, 3].
at::Tensor still_picture(const StillWorld& still, const StillScene& scene, Dice& dice);

}  // namespace reel::world
