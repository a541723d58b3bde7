// A LoRA file as a list of layers and what it changes in them.
#pragma once

#include <string>
#include <vector>

#include "models/lora/layer_change.h"

namespace reel::models {

struct LoraLayer {
  LoraTarget target = LoraTarget::kDenoiser;
  std::string flat;  // flat_layer_name of its path
  LayerChange change;
  size_t file = 0;  // for lists of the layers of several files
};

struct LoraFile {
  std::vector<LoraLayer> layers;
  std::vector<std::string> warnings;  // one sentence each
};

/// Reads names, header and the values of alphas; factors stay views of the file. Throws: std::runtime_error
/// "[path] ..." if the file is no LoRA (with what it is, and how to use that), or if a tensor or an entry of the header
/// is not understood: nothing that changes the result is left out.
LoraFile read_lora_file(const std::string& path, double strength);

}  // namespace reel::models
