// CLIP's vision tower, as LLaVA reads it: hidden states of chosen layers, without the norm at its end.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/files/checkpoint.h"
#include "models/files/config.h"
#include "models/vision_tower.h"
#include "models/weights.h"

namespace reel::models {

/// The sizes and options of the tower, as CLIPVisionConfig of transformers states them.
struct ClipVisionOptions {
  int64_t width = 768, inner = 3072, layers = 12, heads = 12, channels = 3, image = 224, patch = 32;
  double norm_eps = 1e-5;
  std::string activation = "quick_gelu";

  /// Absent keys mean the defaults of CLIPVisionConfig. Throws: std::runtime_error for values out of bounds.
  static ClipVisionOptions read(const Config& config);

  /// Those of a tower in a folder of the original LLaVA: its config.json may state them (`vision_config`), else the
  /// configuration of the tower's own folder does; if there is none they follow from the tensors of `checkpoint`, below
  /// `vision_tower.`. Throws: std::runtime_error, also for tensors that are not those of a CLIP.
  static ClipVisionOptions of_original(const Config& config, const std::optional<Config>& tower,
                                       const Checkpoint& checkpoint);
};

/// Which of the tower's hidden states are its features.
struct FeatureChoice {
  /// Hidden state 0 is what enters the first layer, i what leaves layer i - 1; negative ones count from the end. Those of
  /// several layers are put side by side.
  std::vector<int64_t> layers = {-2};
  bool class_token = false;  // keeps the first token, which stands for the whole picture
};

/// Builds the tower from weights under the names of transformers' CLIPVisionModel without the prefix `vision_model.`
/// (`embeddings.class_embedding`, `pre_layrnorm.weight`, `encoder.layers.N...`). Layers behind the last one that is read,
/// and the norm at the end, are checked and not loaded. Takes pictures of `image` x `image` pixels.
/// Throws: std::runtime_error for a layer that it does not have, naming `place`, where the choice was read.
/// Source: Radford et al., CLIP, 2021; transformers CLIPVisionModel.
std::unique_ptr<VisionTower> make_clip_vision(const Weights& weights, const ClipVisionOptions& options,
                                              const FeatureChoice& choice, const std::string& place);

}  // namespace reel::models
