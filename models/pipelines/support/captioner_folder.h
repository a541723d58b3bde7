// What folders of captioners in transformers' layout have in common: config.json, weights, tokenizer, processor side by side.
#pragma once

#include <string>
#include <vector>

#include "models/model_folder.h"

namespace reel::models {

/// Whether config.json of a folder states this `architecture` or, if it states none, this `model_type`. False if there is
/// no such file.
bool states_model(const std::string& folder, const std::string& architecture, const std::string& type);

/// Fills in the captioner's files and the settings of generation_config.json. Returns what is missing, in phrases for
/// ModelFolderError. Throws: std::invalid_argument for a motion adapter; std::runtime_error as Config::read.
std::vector<std::string> read_captioner(ModelFolder& model, const Config& generation);

/// Fills in how pictures and words become the input, from the first of `folders` whose files say so (a folder without them
/// and an empty name are passed over). Returns false if none does.
bool read_picture_steps(ModelFolder& model, const std::vector<std::string>& folders);

}  // namespace reel::models
