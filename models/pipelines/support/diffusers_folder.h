// What pipelines in diffusers' folder layout share: a folder for each component, with its configuration.
#pragma once

#include <string>
#include <vector>

#include "models/model_folder.h"

namespace reel::models {

/// Fills in denoiser (unet/), vae, text_encoder, scheduler and the latent of an image VAE, and compares them with
/// what model_index.json says of them. `denoisers`: the classes that the UNet may have; empty: any.
/// Throws: ModelFolderError with all that is missing or of another class.
void read_components(ModelFolder& model, const std::vector<std::string>& denoisers = {});

/// Takes tokenizer/ for the text encoder. Throws: ModelFolderError if the folder has none.
void read_tokenizer(ModelFolder& model);

/// The folder of a component, if it has a config.json; else "".
std::string component_folder(const std::string& root, const std::string& name);

/// Default width and height: the UNet's `sample_size`, in cells of the latent; `absent` if it states none.
void size_from_unet(ModelFolder& model, int64_t absent);

/// For models that have motion modules already.
/// Throws: std::invalid_argument if a motion adapter is given.
void refuse_motion_adapter(const ModelFolder& model);

}  // namespace reel::models
