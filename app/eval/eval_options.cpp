#include "app/eval/eval_options.h"

namespace reel::app {

void add_eval_options(CLI::App& verb, EvalOptions& options) {
  pipeline::GenerateOptions& job = options.job;
  verb.add_option("--prompts", options.prompts, "how many prompts to draw from the world's grammar")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  verb.add_option("--seeds", options.seeds, "videos of each prompt, with different start noise")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  verb.add_option(
      "--world", options.world,
      "folder with world.json and its atlas (a picture or .safetensors); default: the bundled one");
  verb.add_option("--frames", job.frames, "number of frames; default: the model's")
      ->check(CLI::Range(2, 4096));
  verb.add_option("--size", job.size, "WIDTHxHEIGHT in pixels; default: the model's");
  verb.add_option("--steps", job.steps, "denoising steps; default: the model's")->check(CLI::Range(1, 10000));
  verb.add_option("--guidance", job.guidance, "classifier-free guidance scale; default: the model's")
      ->check(CLI::Range(0.0, 100.0));
  verb.add_option("--guidance-rescale", job.guidance_rescale,
                  "share of the deviation restored; default: the model's")
      ->check(CLI::Range(0.0, 1.0));
  verb.add_option("--scheduler", job.scheduler,
                  "NAME[:opt=v,...], see reel schedulers; default: the model's");
  verb.add_option("--save", options.save, "folder in which the videos are kept; default: they are not");
  verb.add_flag("-y,--overwrite", job.overwrite, "replace existing files");
  add_common_options(verb, options.common);
  options.common.seed = 0;
  verb.get_option("--seed")->description(
      "of the prompts; video k starts from noise SEED + k: numbers that repeat [0]");
}

void add_world_options(CLI::App& verb, EvalOptions& options) {
  verb.add_option("--two-fraction", options.two_fraction, "share of prompts with two objects")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

void add_synopsis_options(CLI::App& verb, EvalOptions& options) {
  verb.add_option("--stages", options.stages, "prompts of a synopsis, spread over the frames")
      ->check(CLI::Range(2, 64))
      ->capture_default_str();
  verb.add_option("--change", options.change, "what differs from stage to stage; both: in turn")
      ->check(CLI::IsMember({"background", "object", "both"}))
      ->capture_default_str();
  verb.add_option("--synopsis-blend", options.job.prompt_blend, "between two stages, as in reel generate")
      ->check(CLI::IsMember({"linear", "hold"}))
      ->capture_default_str();
}

}  // namespace reel::app
