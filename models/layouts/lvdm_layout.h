// Checkpoints of lvdm, the code of VideoCrafter2: UNet, autoencoder and text tower in one file, under the
// names of latent diffusion's original code. These functions give them the names of diffusers' classes;
// docs/adr/0004 has the table.
#pragma once

#include <optional>
#include <string>

#include "models/files/checkpoint.h"

namespace reel::models {

/// How the names of each component begin in such a file, e.g. "model.diffusion_model.".
struct LvdmParts {
  std::string unet, vae, text;
};

/// Empty unless the checkpoint is one of lvdm's: it then has a UNet with input blocks and temporal
/// convolutions.
/// Throws: std::runtime_error if it has such a UNet but no autoencoder or no text tower.
std::optional<LvdmParts> find_lvdm_parts(const Checkpoint& checkpoint);

/// Gives the tensors of lvdm's UNet the names of a UNet3DConditionModel. Unknown names stay as they are.
void rename_lvdm_unet(Checkpoint& unet);

/// Whether an autoencoder has the names of latent diffusion's original code.
bool is_original_autoencoder(const Checkpoint& vae);

/// Gives the tensors of such an autoencoder the names of an AutoencoderKL. Unknown names stay as they are.
void rename_original_autoencoder(Checkpoint& vae);

/// How many of the names `prefix`0`suffix`, `prefix`1`suffix`, ... there are before the first gap.
int64_t count_in_a_row(const Checkpoint& checkpoint, const std::string& prefix, const std::string& suffix);

/// The size of a tensor along `axis`. Throws: std::runtime_error if there is no such tensor or axis, or the
/// size is 0.
int64_t dimension(const Checkpoint& checkpoint, const std::string& name, size_t axis);

}  // namespace reel::models
