// A model folder: its components, and what its pipeline class says of them (models/pipelines/).
#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/family.h"
#include "models/latent_shape.h"

namespace reel::models {

class PipelineRegistry;

/// A model folder in which something is missing, or something else than it should be.
class ModelFolderError : public std::runtime_error {
 public:
  /// `place`: the file or folder; `problems`: each a phrase that goes on from there, such as "has no ...".
  ModelFolderError(const std::string& place, std::vector<std::string> problems);
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
};

constexpr int64_t kMaxSide = 16'384;  // of a picture, in pixels

/// Default arguments of the pipeline's call, under their diffusers names.
struct GenerationDefaults {
  int64_t width = 512, height = 512, num_frames = 16, num_inference_steps = 50;
  double guidance_scale = 7.5, guidance_rescale = 0, fps = 8;
};

/// What a captioner's Python processor does, as far as the folder and its pipeline class say.
struct CaptionInput {
  Config picture_steps;      // of its image processor (models/vision/image_steps.h)
  std::string aspect_ratio;  // the original LLaVA's `image_aspect_ratio`; empty: as picture_steps has it
  std::string picture_mark = "<image>";  // what stands for a picture in a prompt's text
  std::string chat_template;             // used if the folder has none; empty: it must have one
  std::string request = "Please describe this image in detail.";  // its own wording of "describe this"
};

/// What texts of the training named of one kind of thing, such as objects or places.
struct PromptPart {
  std::string name;                  // "objects"
  int64_t least = 0, most = 0;       // how many a text named
  std::vector<std::string> phrases;  // by which it may be named: lower-case words, single spaces
};

/// A model as its folder and its pipeline class describe it. Reads configurations and headers only, no weights.
struct ModelFolder {
  std::string path, pipeline_class;
  std::string motion_adapter;                  // as it was given to open()
  std::string stamp;                           // folder_stamp() from when the folder was opened
  ComponentFiles denoiser, vae, text_encoder;  // of a model that makes videos
  ComponentFiles captioner;                    // of one that writes captions
  Config scheduler;
  /// What model_index.json calls the scheduler, if its configuration states another class: that one counts.
  std::string scheduler_in_index;
  GenerationDefaults defaults;  // of the pipeline class, overridden by generation_config.json
  LatentShape latent;           // what the VAE makes of a video; Vae::latent_shape() says the same
  std::vector<std::string>
      unused;                   // components that are there, as "name (class)", and that nothing here uses
  int64_t max_frames = 0;       // what its position tables allow; 0: any number
  bool connects_frames = true;  // false: a model of pictures, which would compute each frame by itself
  /// All words of its training texts, lower-case; empty: the folder does not say.
  std::vector<std::string> prompt_words;
  /// What its training texts named, and how many of it; empty: the folder does not say.
  std::vector<PromptPart> prompt_parts;
  /// Of a captioner: how pictures and words become its input.
  CaptionInput caption_input;
  Config generation;  // generation_config.json, of a captioner
  /// Adds what its network wants to know besides the prompt, for a video of this extent; empty: nothing.
  std::function<void(const Extent& video, Conditioning&)> condition;

  bool makes_videos() const { return captioner.folder.empty(); }

  /// `motion_adapter`: a folder or file that adds motion modules; empty: the folder's own motion_adapter/, if
  /// it has one. Throws: std::runtime_error with what is missing and what was found.
  static ModelFolder open(const std::string& path, const std::string& motion_adapter = "");
  /// The same with chosen pipelines instead of known_pipelines().
  static ModelFolder open(const PipelineRegistry& pipelines, const std::string& path,
                          const std::string& motion_adapter = "");
};

/// Refuses a model that makes no videos. Throws: std::runtime_error that names it and what it does.
void require_video_model(const ModelFolder& model);

/// Refuses a video of several frames to a model that does not connect them. Throws: std::runtime_error.
void require_connected_frames(const ModelFolder& model, int64_t frames);

/// A frame rate of a configuration. Throws: std::runtime_error unless it lies in 0.01 to 1000.
double frame_rate(const Config& config, const std::string& key, double absent);

/// The folders in which models are looked up by name: `given`, then $REEL_MODELS (colon-separated), then the
/// bundled ones.
std::vector<std::string> model_search_path(const std::vector<std::string>& given);

/// The folder of a model given by name or path. Throws: std::runtime_error with the nearest installed name.
std::string find_model(const std::string& name_or_path, const std::vector<std::string>& search_path);

/// The `_class_name` of the folder's model_index.json, or the class that recognises the folder without one;
/// "" if none does.
std::string pipeline_class_of(const std::string& folder);

/// The model folders (with model_index.json, or recognised) directly in the search path: name -> folder.
std::map<std::string, std::string> list_models(const std::vector<std::string>& search_path);

/// A text that changes if the name, size or time of a file changes, in the folder or in a component folder in
/// it.
std::string folder_stamp(const std::string& folder);

/// The folder with graphs/, checkpoints/ and world/: $REEL_ASSETS, beside the program's installation, or the
/// source tree's. Throws: std::runtime_error if none exists.
std::string assets_folder();

}  // namespace reel::models
