// Which background a clip shows, and how it looks without its objects.
#pragma once

#include <vector>

#include "pipeline/evaluation/world/raster.h"

namespace reel::world {

struct BackgroundFit {
  int index = -1;  // into the world's list; -1 if none explains enough of the clip
  double horizon = 1;
  double explained = 0;  // fraction of all pixels that the fitted background explains
  double noise = 0;      // deviation of a channel from the fitted background, where no object is
  Raster picture;        // the background without objects
};

/// Fits every background of the world (its horizon and colours may leave their ranges a little) to all pixels
/// of all frames by a truncated squared error, so that objects do not count, and keeps the best; then follows
/// what the formulas do not know: even deviations along a row, and the brightness of each star.
BackgroundFit fit_background(const World& world, const std::vector<Raster>& clip);

}  // namespace reel::world
