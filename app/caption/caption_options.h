// What `reel caption` is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/session/common_options.h"
#include "guidance/decoding/decode_settings.h"
#include "models/model_folder.h"

namespace reel::app {

struct CaptionOptions {
  CommonOptions common;
  std::vector<std::string> inputs;
  std::string prompt, task = "describe";
  std::string output = "-", journal;
  std::vector<std::string> edits;
  int64_t batch = 16;
  std::optional<int64_t> max_new_tokens, num_beams;
  double temperature = 0;
  std::optional<double> top_p;
  bool resume = false, retry_failed = false, overwrite = false, sidecar = false, token_ids = false;
  std::string save_tensors, force_tokens;
};

/// Declares them; `options` must outlive the verb.
void add_caption_options(CLI::App& verb, CaptionOptions& options);

/// The question about each input: --prompt, or the model's own request for a description, as --task asks for it.
/// `own`: the prompt of one input, from a list. Throws: std::invalid_argument for a task that needs a prompt.
std::string prompt_of(const CaptionOptions& options, const models::ModelFolder& folder,
                      const std::optional<std::string>& own = {});

/// The model's settings with what the options say of them. Throws: std::invalid_argument for settings that do not
/// go together.
guidance::DecodeSettings settings_of(const CaptionOptions& options, guidance::DecodeSettings settings);

}  // namespace reel::app
