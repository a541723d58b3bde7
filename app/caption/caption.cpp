// `reel caption`: pictures to text. Declares the verb; the work is in caption_run.
#include "app/caption/caption_run.h"
#include "app/verbs.h"

namespace reel::app {

void add_caption_verb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("caption", "Pictures to text");
  auto options = std::make_shared<CaptionOptions>();
  options->common.model = "emoji-llava";
  verb->footer(
      "Example: reel caption photos/ -o captions.jsonl\n"
      "One JSON line for each input, in their order. After a crash the same command with --resume goes on.");
  add_caption_options(*verb, *options);
  add_common_options(*verb, options->common, {.motion_adapter = false, .seed = false});
  verb->callback([options, &action] { action = [options] { return run_captions(*options); }; });
}

}  // namespace reel::app
