// Folders that hold VideoCrafter2's one checkpoint and a tokenizer, but no configurations: what those would
// say follows from the shapes of the tensors and from how VideoCrafter2 was published.
#pragma once

#include "models/model_folder.h"

namespace reel::models {

/// Whether read_lvdm_folder would succeed; false for broken files.
bool is_lvdm_folder(const std::string& path);

/// Fills in `model` from model.path if there is such a checkpoint (model.safetensors, its index, or
/// model.ckpt); returns whether there is. A config.json in the folder may state num_head_channels and
/// norm_num_groups. Throws: std::runtime_error if the checkpoint is incomplete.
bool read_lvdm_folder(ModelFolder& model);

}  // namespace reel::models
