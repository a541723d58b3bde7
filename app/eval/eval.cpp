// `reel eval`: its verbs and their options.
#include "app/eval/eval.h"

namespace reel::app {
namespace {

void add_pairs_verb(CLI::App& eval, Action& action, const std::string& name, const std::string& help,
                    const std::string& example, void (*add_own)(CLI::App&, EvalOptions&), MakeSubject make) {
  CLI::App* verb = eval.add_subcommand(name, help);
  auto options = std::make_shared<EvalOptions>();
  verb->footer("Example: reel eval " + example +
               "\nWhat is measured, and how far it can be trusted: docs/eval.md");
  add_eval_options(*verb, *options);
  add_own(*verb, *options);
  verb->add_flag("--truth", options->truth,
                 "score rendered truth instead of a model: how good is the scorer?");
  verb->add_option("--degrade", options->degrade, "what befalls the truth")
      ->check(CLI::IsMember(world::degradation_names()))
      ->capture_default_str();
  verb->add_option("--edit", options->job.edits,
                   "NAME[:opt=v,...][@selector], repeatable: makes each video with and without, and compares")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("-o,--output", options->output, "one line a video, as a .csv file");
  verb->callback(
      [options, make, &action] { action = [options, make] { return evaluate_pairs(*options, make); }; });
}

}  // namespace

void add_eval_options(CLI::App& verb, EvalOptions& options) {
  GenerateOptions& job = options.job;
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

void add_eval_verb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("eval", "Measures quality on known truth");
  verb->require_subcommand(1);
  add_pairs_verb(
      *verb, action, "world", "Right objects, motions and backgrounds of a model's videos of the emoji world",
      "world --prompts 100 --edit scale:factor=1.5@kind=temporal", add_world_options, make_world_subject);
  add_pairs_verb(*verb, action, "synopsis",
                 "Right content at each stage of prompts that change over the video",
                 "synopsis --prompts 50 --stages 4 --edit scale:factor=1.5@kind=temporal",
                 add_synopsis_options, make_synopsis_subject);
  add_sweep_verb(*verb, action);
}

}  // namespace reel::app
