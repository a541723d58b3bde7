// How steady a video is: objects that keep their looks, backgrounds that do not flicker.
#pragma once

#include "pipeline/evaluation/scoring/track.h"

namespace reel::world {

/// Similarity of the tracked object between all pairs of frames that show it, after moving, scaling and
/// turning it back into its cell: mean of exp(-e / (2 d^2)) with e the mean squared difference of colours
/// over the sprite's opaque parts and d = 0.12. All pairs and not only neighbours, so that a change in the
/// middle counts half of all. 0 if fewer than two frames show it.
double appearance_consistency(const SpriteBank& bank, int sprite, const View& view,
                              const std::vector<Sighting>& track);

/// Mean absolute change between neighbouring frames of the pixels that are background in both, in levels of
/// 255.
double background_flicker(const View& view);

}  // namespace reel::world
