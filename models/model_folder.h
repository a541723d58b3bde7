// A model folder in the Hugging Face layout: its components, and the defaults of its pipeline class.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/family.h"

namespace reel::models {

/// Default arguments of the pipeline's call, under their diffusers names.
struct GenerationDefaults {
  int64_t width = 512, height = 512, num_frames = 16, num_inference_steps = 50;
  double guidance_scale = 7.5, guidance_rescale = 0, fps = 8;
  std::optional<double> fps_condition;  // frame rate for networks that are conditioned on one
};

/// `model_index.json` and the component folders beside it, or VideoCrafter2's single checkpoint. Reads
/// configurations and headers only, no weights.
struct ModelFolder {
  std::string path, pipeline_class;
  ComponentFiles denoiser, vae, text_encoder;  // folder empty: the component is absent
  Config scheduler;                            // scheduler/scheduler_config.json
  GenerationDefaults defaults;                 // of the pipeline class, overridden by generation_config.json
  int64_t latent_channels = 4, latent_factor = 8;
  int64_t max_frames = 0;  // what its position tables allow; 0: any number
  /// All words of its training texts, lower-case; empty: the folder does not say.
  std::vector<std::string> prompt_words;

  /// `motion_adapter`: a folder or file that adds motion modules; empty: the folder's own motion_adapter/, if
  /// it has one. Throws: std::runtime_error with what is missing and what was found.
  static ModelFolder open(const std::string& path, const std::string& motion_adapter = "");
};

/// The folders in which models are looked up by name: `given`, then $REEL_MODELS (colon-separated), then the
/// bundled ones.
std::vector<std::string> model_search_path(const std::vector<std::string>& given);

/// The folder of a model given by name or path. Throws: std::runtime_error with the nearest installed name.
std::string find_model(const std::string& name_or_path, const std::vector<std::string>& search_path);

/// The `_class_name` of the folder's model_index.json; VideoCrafter2 for a folder with that model's single
/// checkpoint.
std::string pipeline_class_of(const std::string& folder);

/// The model folders (with model_index.json, or VideoCrafter2's) directly in the search path: name -> folder.
std::map<std::string, std::string> list_models(const std::vector<std::string>& search_path);

/// A text that changes if the name, size or time of a file changes, in the folder or in a component folder in
/// it.
std::string folder_stamp(const std::string& folder);

/// The folder with graphs/, checkpoints/ and world/: $REEL_ASSETS, beside the program's installation, or the
/// source tree's. Throws: std::runtime_error if none exists.
std::string assets_folder();

}  // namespace reel::models
