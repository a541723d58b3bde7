// Follows an object from frame to frame.
#pragma once

#include <vector>

#include "pipeline/world/motion.h"
#include "pipeline/world/view.h"

namespace reel::world {

/// Follows a sprite through all frames. Angles are chosen for the whole clip at once (Viterbi), so that an
/// object that looks alike from several sides does not flip between them.
std::vector<Sighting> track(const SpriteBank& bank, int sprite, const View& fine, const View& coarse,
                            double reach);

}  // namespace reel::world
