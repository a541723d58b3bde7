// Follows an object from frame to frame.
#pragma once

#include <vector>

#include "pipeline/evaluation/scoring/view.h"
#include "pipeline/evaluation/world/motion.h"

namespace reel::world {

/// Follows a sprite through all frames. Angles are chosen for the whole clip at once (Viterbi), so that an
/// object that looks alike from several sides does not flip between them.
std::vector<Sighting> track(const SpriteBank& bank, int sprite, const View& fine, const View& coarse,
                            double reach);

}  // namespace reel::world
