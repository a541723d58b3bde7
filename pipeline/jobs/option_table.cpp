#include "pipeline/jobs/option_table.h"

#include <algorithm>

#include "pipeline/value.h"

namespace reel::pipeline {
namespace {

using Options = GenerateOptions;

std::vector<JobOption> make_table() {
  return {
      {.name = "prompt",
       .member = &Options::prompt,
       .help = "what is to be seen",
       .in_recipe = InRecipe::kYes,
       .on_command_line = OnCommandLine::kPositional},
      {.name = "output",
       .member = &Options::output,
       .help = "file.(mp4|webm|gif|y4m), or a png pattern such as frame_%05d.png; default: named after the "
               "prompt",
       .aliases = {"o"}},
      {.name = "output-dir",
       .member = &Options::output_dir,
       .help = "folder of outputs without -o; the lines of --prompts write nowhere else; default: the "
               "working folder",
       .in_lists = InLists::kNo},
      {.name = "negative",
       .member = &Options::negative,
       .help = "what is not to be seen",
       .in_recipe = InRecipe::kYes,
       .may_be_empty = true},
      {.name = "prompt-at",
       .member = &Options::prompt_keys,
       .help = "FRAME:TEXT, repeatable: prompts at chosen frames",
       .in_recipe = InRecipe::kYes},
      // A recipe stores the stages, not the name of their file.
      {.name = "synopsis",
       .member = &Options::synopsis,
       .help =
           "FILE or \"a; b; c\": stages spread over the frames, in place of a prompt; FRAME:TEXT says where"},
      {.name = "prompt-blend",
       .member = &Options::prompt_blend,
       .help = "between two --prompt-at frames, or two stages of a synopsis",
       .choices = {"linear", "hold"},
       .aliases = {"synopsis-blend"},
       .in_recipe = InRecipe::kYes},
      {.name = "frames",
       .member = &Options::frames,
       .help = "number of frames",
       .range = {{1, 4096}},
       .in_recipe = InRecipe::kYes},
      // A recipe stores width and height.
      {.name = "size", .member = &Options::size, .help = "WIDTHxHEIGHT in pixels"},
      {.name = "fps",
       .member = &Options::fps,
       .help = "frames a second of the file",
       .range = {{0.01, 1000}},
       .in_recipe = InRecipe::kYes},
      {.name = "steps",
       .member = &Options::steps,
       .help = "denoising steps",
       .range = {{1, 10000}},
       .in_recipe = InRecipe::kYes},
      {.name = "guidance",
       .member = &Options::guidance,
       .help = "classifier-free guidance scale; at most 1: none",
       .range = {{0, 100}},
       .in_recipe = InRecipe::kYes},
      {.name = "guidance-rescale",
       .member = &Options::guidance_rescale,
       .help = "share of the deviation restored, 0 to 1",
       .range = {{0, 1}},
       .in_recipe = InRecipe::kYes},
      {.name = "scheduler",
       .member = &Options::scheduler,
       .help = "NAME[:opt=v,...], see reel schedulers; default: the model's",
       .in_recipe = InRecipe::kYes},
      {.name = "edit",
       .member = &Options::edits,
       .help = "NAME[:opt=v,...][@selector], repeatable, in order; see reel edits",
       .in_recipe = InRecipe::kYes},
      {.name = "preview",
       .member = &Options::preview,
       .help = "every N steps, show the middle frame so far in NAME.preview.png beside the output"},
      {.name = "compare",
       .member = &Options::compare,
       .help = "also the unedited video of the same seed, and both side by side"},
      {.name = "lora",
       .member = &Options::loras,
       .help = "FILE[:weight], repeatable",
       .in_recipe = InRecipe::kYes},
      {.name = "clip-skip",
       .member = &Options::clip_skip,
       .help = "text encoder layers left out at the end",
       .range = {{0, kMostClipSkip}},
       .in_recipe = InRecipe::kYes},
      {.name = "save-graph",
       .member = &Options::save_graph,
       .help = "write the job as a graph file",
       .in_lists = InLists::kNo},
      {.name = "crf",
       .member = &Options::crf,
       .help = "constant quality of the file, smaller is better",
       .range = {{0, 63}}},
      {.name = "codec",
       .member = &Options::codec,
       .help = "h264, h265, vp9 or av1; default: the format's usual one"},
      {.name = "no-recipe",
       .member = &Options::no_recipe,
       .help = "do not store in the file how it was made"},
      {.name = "overwrite",
       .member = &Options::overwrite,
       .help = "replace existing files; of numbered pictures, the whole sequence",
       .aliases = {"y"},
       .in_lists = InLists::kNo},
      {.name = "init-latents",
       .member = &Options::initial_latents,
       .help = "safetensors with `latents` [B,C,F,h,w]: start noise of unit variance"},
      {.name = "step-noise",
       .member = &Options::step_noise,
       .help = "safetensors with `noise` [steps,B,C,F,h,w] for stochastic schedulers"},
      {.name = "save-tensors",
       .member = &Options::save_tensors,
       .help = "write prompt_embeds, negative_prompt_embeds, latents and frames as safetensors",
       .in_lists = InLists::kNo},
      {.name = "seed",
       .member = &Options::seed,
       .help = "start noise, 0 to 2^64-1; default: random, printed",
       .in_recipe = InRecipe::kYes,
       .on_command_line = OnCommandLine::kShared},
  };
}

/// The type of a member.
struct TypeOf {
  ValueType operator()(std::string GenerateOptions::*) const { return ValueType::kText; }
  ValueType operator()(std::vector<std::string> GenerateOptions::*) const { return ValueType::kTexts; }
  ValueType operator()(bool GenerateOptions::*) const { return ValueType::kFlag; }
  ValueType operator()(int64_t GenerateOptions::*) const { return ValueType::kInteger; }
  ValueType operator()(std::optional<int64_t> GenerateOptions::*) const { return ValueType::kInteger; }
  ValueType operator()(std::optional<double> GenerateOptions::*) const { return ValueType::kNumber; }
  ValueType operator()(std::optional<uint64_t> GenerateOptions::*) const { return ValueType::kSeed; }
};

}  // namespace

const std::vector<JobOption>& job_options() {
  static const std::vector<JobOption> table = make_table();
  return table;
}

const JobOption* find_job_option(std::string_view name) {
  std::string wanted(name);
  std::ranges::replace(wanted, '_', '-');
  for (const JobOption& option : job_options()) {
    if (option.name == wanted || std::ranges::find(option.aliases, wanted) != option.aliases.end())
      return &option;
  }
  return nullptr;
}

ValueRule rule_of(const JobOption& option) {
  const ValueType type = std::visit(TypeOf{}, option.member);
  const bool seed = type == ValueType::kSeed;
  return {type, option.range, option.choices, seed ? "leave it out for a random one" : "",
          option.may_be_empty};
}

}  // namespace reel::pipeline
