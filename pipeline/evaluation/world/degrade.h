// Degrades rendered truth as generation degrades videos, to find how far the scorer can be trusted on them.
#pragma once

#include "pipeline/evaluation/world/scene.h"

namespace reel::world {

/// The strength of each degradation; the defaults change nothing.
struct Degradation {
  int64_t blur_side = 0;  // scaled down to this many pixels a side and up again; 0: not
  double noise = 0;       // deviation of normal noise on every value
  double colour = 0;  // largest shift of each channel, drawn once a video; half of it as a change of contrast
  double ghost = 0;   // share of the frame two earlier that shines through
  double melt = 0;    // frame widths by which a smooth random field bends the last frame, and the others less
  double twin = 0;    // frame widths by which two half transparent copies stand to the left and to the right
};

/// The degradation of a name. Shapes outlast none, blur (48 pixels), noise (0.05), colour (0.05), ghost (0.3) and all
/// of these; they are lost in melt (0.12), smear (blur to 8 pixels) and double (0.15).
/// Throws: std::invalid_argument for another name.
Degradation degradation(const std::string& name);
std::vector<std::string> degradation_names();

/// video: float [F, 3, H, W] in [0, 1]; so is the result.
at::Tensor degrade(const at::Tensor& video, const Degradation& degradation, Dice& dice);

}  // namespace reel::world
