// What a user may say about one video: the options of `reel generate`, of a line of a job list, of a recipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reel::pipeline {

/// The options of one job. Absent ones take the model's defaults. Names, help and legal values of all of them stand
/// in job_options(), which binds each member once (option_table.h).
struct GenerateOptions {
  std::string prompt, negative, output, scheduler, prompt_blend = "linear", codec;
  std::string initial_latents, step_noise;  // files; empty: noise of the seed
  std::vector<std::string> prompt_keys;     // FRAME:TEXT
  std::string synopsis;                     // file or stages, in place of a prompt
  std::optional<int64_t> frames, steps, preview;
  std::string size;  // WxH
  std::optional<double> fps, guidance, guidance_rescale;
  std::optional<uint64_t> seed;
  std::vector<std::string> edits, loras;
  std::string save_graph, save_tensors;
  std::string output_dir;  // of outputs that the command line does not name; empty: the working folder
  /// Whether a job list gave these: the paths in them then lead nowhere but below output_dir.
  bool listed_output = false, listed_edits = false;
  bool compare = false, overwrite = false, no_recipe = false;
  int64_t crf = -1, clip_skip = 0;  // crf -1: the codec's default

  bool operator==(const GenerateOptions&) const = default;
};

}  // namespace reel::pipeline
