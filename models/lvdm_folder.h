// Folders that hold VideoCrafter2's single checkpoint and a tokenizer, but no configurations. What those
// would say follows from the shapes of the tensors and from how VideoCrafter2 was published.
#pragma once

#include "models/model_folder.h"

namespace reel::models {

/// Whether read_lvdm_folder would succeed. False for broken files.
bool is_lvdm_folder(const std::string& path);

/// Fills in `model` from the checkpoint in model.path (model.safetensors, its index, or model.ckpt) and
/// returns true; returns false if there is no such checkpoint. A config.json in the folder may state
/// num_head_channels and norm_num_groups.
/// Throws: std::runtime_error if the checkpoint is incomplete.
bool read_lvdm_folder(ModelFolder& model);

}  // namespace reel::models
