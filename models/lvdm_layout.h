// Checkpoints of lvdm, the code of VideoCrafter2: UNet, autoencoder and text tower in one file, under the
// names of latent diffusion's original code. Here they get the names of diffusers' classes; docs/adr/0004 has
// the table.
#pragma once

#include <optional>
#include <string>

#include "models/files/checkpoint.h"

namespace reel::models {

/// What the names of each component begin with in such a file, e.g. "model.diffusion_model.".
struct LvdmParts {
  std::string unet, vae, text;
};

/// Empty for other checkpoints: a UNet with input blocks and temporal convolutions marks one of lvdm's.
/// Throws: std::runtime_error if it has that but no autoencoder or text tower.
std::optional<LvdmParts> find_lvdm_parts(const Checkpoint& checkpoint);

/// Names lvdm's UNet as a UNet3DConditionModel. Foreign names stay as they are.
void rename_lvdm_unet(Checkpoint& unet);

/// Whether an autoencoder has the names of latent diffusion's original code.
bool is_original_autoencoder(const Checkpoint& vae);

/// Names such an autoencoder as an AutoencoderKL. Foreign names stay as they are.
void rename_original_autoencoder(Checkpoint& vae);

/// How many of `prefix`0`suffix`, `prefix`1`suffix`, ... there are in a row.
int64_t count_in_a_row(const Checkpoint& checkpoint, const std::string& prefix, const std::string& suffix);

/// A dimension of a tensor. Throws: std::runtime_error if there is no such tensor or dimension, or it is 0.
int64_t dimension(const Checkpoint& checkpoint, const std::string& name, size_t axis);

}  // namespace reel::models
