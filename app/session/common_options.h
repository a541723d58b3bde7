// The options that verbs share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reel::app {

/// Options of every verb that runs a model.
struct CommonOptions {
  std::string model = "emoji-animatediff", motion_adapter, device = "auto", dtype = "auto", progress = "auto";
  int threads = 0;  // 0: as many as the machine has
  std::optional<uint64_t> seed;
  bool json = false, quiet = false, verbose = false;
  std::vector<std::string> models_dirs;
};

/// Which of the common options a verb has: none that would change nothing.
struct CommonChoice {
  bool model = true;           // --model
  bool motion_adapter = true;  // --motion-adapter, beside --model
  bool seed = true;
  bool quiet = true, verbose = true;
};

/// Declares the common options of a verb that computes; `options` must outlive it.
void add_common_options(CLI::App& verb, CommonOptions& options, const CommonChoice& choice = {});

/// Declares --json, --config and, if chosen, --quiet and --verbose, for verbs that run nothing.
void add_output_options(CLI::App& verb, CommonOptions& options, const CommonChoice& choice);

/// Declares --models-dir.
CLI::Option* add_models_dir(CLI::App& verb, CommonOptions& options);

/// If a single-valued option is given twice, the last value counts, as in ffmpeg and git. Applies to all
/// verbs below `app`.
void last_one_wins(CLI::App& app);

}  // namespace reel::app
