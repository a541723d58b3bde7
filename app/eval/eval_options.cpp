#include "app/eval/eval_options.h"

#include <limits>

#include "app/job_options.h"
#include "app/session/options/value_option.h"

namespace reel::app {

void add_eval_options(CLI::App& verb, EvalOptions& options) {
  pipeline::GenerateOptions& job = options.job;
  add_value(verb, "--prompts", options.prompts, "how many prompts to draw from the world's grammar",
            {.range = {{1, 1000000}}});
  add_value(verb, "--seeds", options.seeds, "videos of each prompt, with different start noise",
            {.range = {{1, 10000}}});
  verb.add_option(
      "--world", options.world,
      "folder with world.json and its atlas (a picture or .safetensors); default: the bundled one");
  add_value(verb, "--frames", job.frames, "number of frames; default: the model's", {.range = {{2, 4096}}});
  for (const char* name : {"size", "steps", "guidance", "guidance-rescale"}) {
    CLI::Option* option = add_job_option(verb, job, name);
    option->description(option->get_description() + "; default: the model's");
  }
  add_job_option(verb, job, "scheduler");
  verb.add_option("--save", options.save, "folder in which the videos are kept; default: they are not");
  add_job_option(verb, job, "overwrite");
  add_common_options(verb, options.common, {.seed = false});
  options.common.seed = 0;
  add_value(verb, "--seed", options.common.seed,
            "of the prompts; video k starts from noise SEED + k: numbers that repeat",
            {.type = ValueType::kSeed, .way_out = "leave it out for 0"})
      ->group("Common options");
}

void add_world_options(CLI::App& verb, EvalOptions& options) {
  add_value(verb, "--two-fraction", options.two_fraction, "share of prompts with two objects",
            {.range = {{0, 1}}});
  verb.add_option("--motion", options.motion,
                  "draws only prompts in which every object performs this one, such as spinning");
  verb.add_option(
      "--prompts-file", options.prompts_file,
      "sentences and what each states, a JSON object a line, in place of drawn prompts; the first "
      "--prompts of them, default: all");
}

void settle_world_options(const CLI::App& verb, EvalOptions& options) {
  if (options.prompts_file.empty()) return;
  for (const char* name : {"--two-fraction", "--motion"}) {
    if (verb.count(name) > 0)
      throw std::invalid_argument(
          std::string("[") + name +
          "] is for prompts that are drawn, and --prompts-file has its own; leave one "
          "of them out");
  }
  if (verb.count("--prompts") == 0) options.prompts = std::numeric_limits<int>::max();
}

void add_synopsis_options(CLI::App& verb, EvalOptions& options) {
  add_value(verb, "--stages", options.stages, "prompts of a synopsis, spread over the frames",
            {.range = {{2, 64}}});
  add_value(verb, "--change", options.change, "what differs from stage to stage; both: in turn",
            {.choices = {"background", "object", "both"}});
  add_value(verb, "--synopsis-blend", options.job.prompt_blend, "between two stages, as in reel generate",
            {.choices = {"linear", "hold"}});
}

}  // namespace reel::app
