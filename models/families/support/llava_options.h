// What the configuration of a LLaVA says, in the words of transformers or of the original code.
#pragma once

#include <optional>

#include "models/captioner.h"
#include "models/files/checkpoint.h"
#include "models/files/config.h"
#include "models/llm/llama.h"
#include "models/vision/clip_vision.h"
#include "models/vision/projector.h"

namespace reel::models {

struct LlavaOptions {
  ClipVisionOptions vision;
  FeatureChoice features;
  ProjectorOptions projector;
  LlamaOptions text;
  SpecialIds ids;
  int64_t image_token = 32000;

  /// Reads LlavaConfig of transformers, or the original code's LlavaConfig, which is a LlamaConfig with the keys mm_...;
  /// absent keys mean the defaults of either. `tower`: the configuration of a tower in a folder of its own, empty if there
  /// is none. The original code states the tower by name alone: without a folder its sizes follow from the tensors
  /// of `checkpoint`, whose names are those of rename_llava.
  /// Throws: std::runtime_error for values out of bounds, and for parts that are not supported, by their names.
  static LlavaOptions read(const Config& config, const std::optional<Config>& tower,
                           const Checkpoint& checkpoint);
};

}  // namespace reel::models
