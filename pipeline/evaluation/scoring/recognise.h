// Finds out which object of the world a clip shows.
#pragma once

#include <vector>

#include "pipeline/evaluation/scoring/view.h"

namespace reel::world {

struct Recognition {
  int sprite = -1;       // -1: nothing stands out from the background in half of the frames
  double explained = 0;  // fraction of the energy that the sprite explains
  std::vector<double>
      evidence;  // that fraction for every sprite (from the coarse search where it ended there)
};

/// Tries every sprite upright and turned at every second frame: all of them at the coarse resolution, the
/// best again at the fine one. `reach` as in find_blob.
Recognition recognise(const SpriteBank& bank, const View& fine, const View& coarse, double reach);

}  // namespace reel::world
