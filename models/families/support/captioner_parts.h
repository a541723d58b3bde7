// Captioners of known parts: a tower's features, projected to the width of a language model, stand in the prompt as tokens.
#pragma once

#include <functional>
#include <memory>

#include "models/captioner.h"
#include "models/files/checkpoint.h"
#include "models/vision_tower.h"
#include "models/weights.h"

namespace reel::models {

struct CaptionerParts {
  std::unique_ptr<VisionTower> tower;
  /// [P, tokens, width of the tower] -> [P, tokens, width of the language model]
  std::function<at::Tensor(const at::Tensor& features)> project;
  std::unique_ptr<LanguageModel> language_model;
  SpecialIds ids;
  int64_t image_token = -1;  // Captioner::image_token
};

/// Builds the parts from a checkpoint, of which every tensor must be used, and joins them: a picture takes as many tokens
/// as the tower has features, one after the other, and one position each.
/// Throws: CheckpointError; what `make` throws.
std::unique_ptr<Captioner> build_captioner(const Checkpoint& checkpoint, const LoadOptions& options,
                                           const std::function<CaptionerParts(const Weights&)>& make);

}  // namespace reel::models
