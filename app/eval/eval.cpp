// `reel eval`: its verbs.
#include "app/eval/captions/eval_chair.h"
#include "app/eval/captions/eval_pope.h"
#include "app/eval/eval_options.h"
#include "app/eval/eval_run.h"
#include "app/eval/eval_synopsis.h"
#include "app/eval/eval_world.h"
#include "app/session/options/value_option.h"
#include "app/verbs.h"
#include "pipeline/evaluation/world/degrade.h"

namespace reel::app {
namespace {

/// Rendered truth has no model: what only a model would use is refused.
void refuse_model_options(const CLI::App& verb) {
  for (const char* name : {"--model", "--motion-adapter", "--models-dir", "--device", "--dtype", "--steps",
                           "--guidance", "--guidance-rescale", "--scheduler"}) {
    if (verb.count(name) > 0)
      throw std::invalid_argument(std::string("[") + name +
                                  "] is for models, and --truth runs none; leave one of "
                                  "them out");
  }
}

void add_pairs_verb(CLI::App& eval, Action& action, const std::string& name, const std::string& help,
                    const std::string& example, void (*add_own)(CLI::App&, EvalOptions&), MakeSubject make) {
  CLI::App* verb = eval.add_subcommand(name, help);
  auto options = std::make_shared<EvalOptions>();
  verb->footer("Example: reel eval " + example +
               "\nWhat is measured, and how far it can be trusted: docs/eval.md");
  add_eval_options(*verb, *options);
  add_own(*verb, *options);
  add_switch(*verb, "--truth", options->truth,
             "score rendered truth instead of a model: how good is the scorer?");
  add_value(*verb, "--degrade", options->degrade, "what befalls the truth",
            {.choices = world::degradation_names()});
  add_texts(*verb, "--edit", options->job.edits,
            "NAME[:opt=v,...][@selector], repeatable: makes each video with and without, and compares");
  verb->add_option("-o,--output", options->output, "one line a video, as a .csv file");
  verb->callback([options, make, verb, &action] {
    if (options->truth) refuse_model_options(*verb);
    settle_world_options(*verb, *options);
    action = [options, make] { return evaluate_pairs(*options, make); };
  });
}

void add_captioner_verb(CLI::App& eval, Action& action, const std::string& name, const std::string& help,
                        const std::string& example, void (*add)(CLI::App&, CaptionEvalOptions&),
                        void (*check)(const CLI::App&, const CaptionEvalOptions&),
                        int (*evaluate)(const CaptionEvalOptions&)) {
  CLI::App* verb = eval.add_subcommand(name, help);
  auto options = std::make_shared<CaptionEvalOptions>();
  verb->footer("Example: reel eval " + example + "\nWhat is measured: docs/eval.md");
  add(*verb, *options);
  verb->callback([options, check, evaluate, verb, &action] {
    action = [options, check, evaluate, verb] {
      check(*verb, *options);
      return evaluate(*options);
    };
  });
}

}  // namespace

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
  add_captioner_verb(*verb, action, "chair", "Objects that captions invent", "chair --scenes 500 --broken",
                     add_chair_options, check_chair_options, evaluate_chair);
  add_captioner_verb(*verb, action, "pope",
                     "Yes-or-no questions about objects that are, or are not, in pictures",
                     "pope --scenes 500 --broken", add_pope_options, check_pope_options, evaluate_pope);
}

}  // namespace reel::app
