#include "app/session/common_options.h"

#include "app/session/options/config_file.h"
#include "app/session/options/value_option.h"

namespace reel::app {

void add_output_options(CLI::App& verb, CommonOptions& options, const CommonChoice& choice) {
  add_switch(verb, "--json", options.json, "print JSON on stdout and nothing else there");
  if (choice.quiet) add_switch(verb, "--quiet,-q", options.quiet, "no progress, no notes");
  if (choice.verbose) add_switch(verb, "--verbose,-v", options.verbose, "say more");
  add_config_option(verb);
}

CLI::Option* add_models_dir(CLI::App& verb, CommonOptions& options) {
  return add_texts(verb, "--models-dir", options.models_dirs,
                   "folder with model folders (repeatable; also $REEL_MODELS)");
}

void add_common_options(CLI::App& verb, CommonOptions& options, const CommonChoice& choice) {
  const std::string group = "Common options";
  if (choice.model) {
    verb.add_option("--model,-m", options.model, "installed model, or folder in the Hugging Face layout")
        ->capture_default_str()
        ->group(group);
  }
  if (choice.model && choice.motion_adapter) {
    verb.add_option("--motion-adapter", options.motion_adapter,
                    "folder or file with motion modules for an image model")
        ->group(group);
  }
  verb.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str()
      ->group(group);
  add_value(
      verb, "--dtype", options.dtype,
      "f32, bf16, f16, or auto: f16 on a GPU; on CPUs with bf16 units bf16 for weights stored in half, else "
      "f32",
      {.choices = {"auto", "f32", "bf16", "f16"}})
      ->group(group);
  add_value(verb, "--threads", options.threads, "CPU threads; 0: all", {.range = {{0, 1024}}})->group(group);
  if (choice.seed) {
    add_value(verb, "--seed", options.seed, "start noise, 0 to 2^64-1; default: random, printed",
              {.type = ValueType::kSeed, .way_out = "leave it out for a random one"})
        ->group(group);
  }
  add_models_dir(verb, options)->group(group);
  add_value(verb, "--progress", options.progress,
            "auto (a bar on a terminal), none, or json (one event a line on stderr)",
            {.choices = {"auto", "none", "json"}})
      ->group(group);
  add_output_options(verb, options, choice);
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
