#include "app/session/common_options.h"

namespace reel::app {

void add_output_options(CLI::App& verb, CommonOptions& options) {
  verb.add_flag("--json", options.json, "print JSON on stdout and nothing else there");
  verb.add_flag("--quiet,-q", options.quiet, "no progress, no notes");
  verb.add_flag("--verbose,-v", options.verbose, "say more");
}

void add_common_options(CLI::App& verb, CommonOptions& options) {
  const std::string group = "Common options";
  verb.add_option("--model,-m", options.model, "installed model, or folder in the Hugging Face layout")
      ->capture_default_str()
      ->group(group);
  verb.add_option("--motion-adapter", options.motion_adapter,
                  "folder or file with motion modules for an image model")
      ->group(group);
  verb.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str()
      ->group(group);
  verb.add_option("--dtype", options.dtype,
                  "f32, bf16, f16, or auto: f16 on a GPU; on CPUs with bf16 units bf16 for weights stored in "
                  "half, else f32")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "f16"}))
      ->capture_default_str()
      ->group(group);
  verb.add_option("--threads", options.threads, "CPU threads; 0: all")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->group(group);
  verb.add_option("--seed", options.seed, "start noise, 0 to 2^64-1; default: random, printed")->group(group);
  verb.add_option("--models-dir", options.models_dirs,
                  "folder with model folders (repeatable; also $REEL_MODELS)")
      ->group(group);
  verb.add_option("--progress", options.progress,
                  "auto (a bar on a terminal), none, or json (one event a line on stderr)")
      ->check(CLI::IsMember({"auto", "none", "json"}))
      ->capture_default_str()
      ->group(group);
  add_output_options(verb, options);
  verb.set_config("--config", "", "TOML file with the same names as the options")->group(group);
}

void last_one_wins(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw &&
        option->get_items_expected_max() == 1)
      option->take_last();
  }
  for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; })) last_one_wins(*verb);
}

}  // namespace reel::app
