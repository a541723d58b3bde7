// Finds out which object of the world a clip shows.
#pragma once

#include <vector>

#include "pipeline/evaluation/scoring/view.h"

namespace reel::world {

struct Recognition {
  int sprite = -1;       // -1: nothing stands out from the background in half of the frames
  double explained = 0;  // fraction of the energy that the sprite explains
  /// That fraction for every sprite; of the coarse search for sprites that went no further.
  std::vector<double> evidence;
};

/// Tries every sprite upright and turned at every second frame: all of them at the coarse resolution, the
/// best again at the fine one. `reach` as in find_blob.
Recognition recognise(const SpriteBank& bank, const View& fine, const View& coarse, double reach);

}  // namespace reel::world
