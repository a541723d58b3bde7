// A model folder in the Hugging Face layout: its components, and what its pipeline class does by default.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/family.h"

namespace reel::models {

/// What a pipeline's call is given when the user says nothing, by the names of its arguments.
struct GenerationDefaults {
  int64_t width = 512, height = 512, num_frames = 16, num_inference_steps = 50;
  double guidance_scale = 7.5, guidance_rescale = 0, fps = 8;
  std::optional<double> fps_condition;  // what networks that are told a frame rate are told
};

/// `model_index.json` and the component folders beside it, or VideoCrafter2's one checkpoint. Reads
/// configurations and headers only, no weights.
struct ModelFolder {
  std::string path, pipeline_class;
  ComponentFiles denoiser, vae, text_encoder;  // folder empty: the component is absent
  Config scheduler;                            // scheduler/scheduler_config.json
  GenerationDefaults defaults;                 // of the pipeline class, overridden by generation_config.json
  int64_t latent_channels = 4, latent_factor = 8;
  int64_t max_frames = 0;                 // that its position tables know; 0: any number
  std::vector<std::string> prompt_words;  // all that its training texts had, lower-case; empty: not said

  /// `motion_adapter`: a folder or file that adds motion modules; empty: motion_adapter/ in the folder, if it
  /// has one. Throws: std::runtime_error naming what is missing and what was found.
  static ModelFolder open(const std::string& path, const std::string& motion_adapter = "");
};

/// Where models are looked for by name: the given folders, then $REEL_MODELS (colon-separated), then the
/// bundled ones.
std::vector<std::string> model_search_path(const std::vector<std::string>& given);

/// The folder of a model given by name or path. Throws: std::runtime_error with the nearest installed name.
std::string find_model(const std::string& name_or_path, const std::vector<std::string>& search_path);

/// The `_class_name` of its model_index.json, or VideoCrafter2 for a folder with that model's one checkpoint.
std::string pipeline_class_of(const std::string& folder);

/// Every model folder (with model_index.json, or VideoCrafter2's) directly in the search path: name ->
/// folder.
std::map<std::string, std::string> list_models(const std::vector<std::string>& search_path);

/// A text that changes when a file of the folder (or of a component folder in it) changes: names, sizes and
/// times.
std::string folder_stamp(const std::string& folder);

/// The folder with graphs/, checkpoints/ and world/: $REEL_ASSETS, beside the program's installation, or the
/// source tree's. Throws: std::runtime_error if none exists.
std::string assets_folder();

}  // namespace reel::models
