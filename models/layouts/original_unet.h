// The names that latent diffusion's original code, and AnimateDiff's, give to the layers of a UNet.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace reel::models {

/// For the layers of a UNet of diffusers (UNetMotionModel, UNet3DConditionModel): the names that the same
/// layers have in the original code (`input_blocks.1.1.proj_in`, `down_blocks.0.motion_modules.0.
/// temporal_transformer.proj_in`), as pairs of original name and layer. Layers without such a name are left out.
std::vector<std::pair<std::string, std::string>> original_layer_names(const std::set<std::string>& layers);

}  // namespace reel::models
