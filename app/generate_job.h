// One video to be made: the user's options, completed with the model's defaults, and its graph.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/session/common_options.h"
#include "guidance/synopsis.h"
#include "models/fingerprint.h"
#include "pipeline/graph/graph.h"

namespace reel::app {

/// The options of `reel generate`. Absent ones take the model's defaults.
struct GenerateOptions {
  std::string prompt, negative, output, scheduler, prompt_blend = "linear", codec;
  std::string initial_latents, step_noise;  // files; empty: noise of the seed
  std::vector<std::string> prompt_keys;     // FRAME:TEXT
  std::string synopsis;                     // file or stages, in place of a prompt
  std::optional<int64_t> frames, steps, preview;
  std::string size;  // WxH
  std::optional<double> fps, guidance, guidance_rescale;
  std::vector<std::string> edits, loras;
  std::string save_graph, save_tensors;
  bool compare = false, overwrite = false, no_recipe = false;
  int crf = -1, clip_skip = 0;
};

/// A job in which every option has its value.
struct GenerateJob {
  GenerateOptions options;
  models::ModelFolder model;
  std::string model_name, motion_adapter;
  std::string synopsis;         // its text, as the graph carries it
  guidance::PromptKeys stages;  // the stages in it
  uint64_t seed = 0;
  int64_t width = 0, height = 0, frames = 0, steps = 0;
  double fps = 0, guidance = 0, guidance_rescale = 0;
  std::string output, output_unedited, output_side_by_side;  // the last two with --compare only
  std::map<std::string, std::string> previews;               // sampling node -> file
};

/// Fills in the model's defaults, and checks all that can be checked before a model is loaded.
/// Throws: std::invalid_argument, std::runtime_error.
GenerateJob resolve_job(const GenerateOptions& options, const CommonOptions& common);

/// The job as a graph: the template assets/graphs/generate.json with its values bound, and a node for each
/// LoRA, edit and further output. Node ids are fixed: model, positive, negative, latent, sampler, decode,
/// video, write.
pipeline::Graph build_graph(const GenerateJob& job);

}  // namespace reel::app
