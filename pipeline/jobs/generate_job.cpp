#include "pipeline/jobs/generate_job.h"

#include <random>
#include <tuple>

#include "attention/plugin/misfit.h"
#include "attention/plugin/value_rule.h"
#include "models/files/input/input_file.h"
#include "models/files/output/confined_path.h"
#include "models/files/part_file.h"
#include "models/lora/lora_file.h"
#include "pipeline/jobs/job_prompts.h"
#include "pipeline/jobs/lora_choice.h"
#include "pipeline/jobs/output_names.h"
#include "pipeline/jobs/preview_file.h"
#include "pipeline/media/output_plan.h"
#include "pipeline/media/video_writer.h"

namespace reel::pipeline {
namespace {

std::pair<int64_t, int64_t> parse_size(const std::string& text) {
  const size_t x = std::min(text.find('x'), text.size());
  const int64_t width = read_integer(text.substr(0, x)).value_or(0),
                height = read_integer(text.substr(std::min(x + 1, text.size()))).value_or(0);
  if (width < 1 || height < 1 || width > 16384 || height > 16384) {
    throw std::invalid_argument("[--size] must be WIDTHxHEIGHT in pixels, got '" + text +
                                "'; for example 512x320");
  }
  return {width, height};
}

void resolve_size(GenerateJob& job) {
  job.width = job.model.defaults.width, job.height = job.model.defaults.height;
  if (!job.options.size.empty()) std::tie(job.width, job.height) = parse_size(job.options.size);
  job.model.latent.check_side("--size", "width", job.width, " for this model");
  job.model.latent.check_side("--size", "height", job.height, " for this model");
}

/// Frames, steps, rates and the seed, if the user left them out.
void fill_in_numbers(GenerateJob& job) {
  GenerateOptions& options = job.options;
  const models::GenerationDefaults& defaults = job.model.defaults;
  options.frames = options.frames.value_or(defaults.num_frames);
  if (job.model.max_frames > 0 && *options.frames > job.model.max_frames) {
    throw std::invalid_argument("[--frames] this model takes 1 to " + std::to_string(job.model.max_frames) +
                                " frames, got " + std::to_string(*options.frames) + "; use --frames " +
                                std::to_string(job.model.max_frames));
  }
  job.model.latent.check_frames("--frames", *options.frames, " for this model");
  models::require_connected_frames(job.model, *options.frames);
  options.steps = options.steps.value_or(defaults.num_inference_steps);
  options.fps = options.fps.value_or(defaults.fps);
  options.guidance = options.guidance.value_or(defaults.guidance_scale);
  options.guidance_rescale = options.guidance_rescale.value_or(defaults.guidance_rescale);
  if (!options.seed) options.seed = std::random_device{}();  // 32 bits: short to type again
}

/// The path that a line of a job list names. The list may be somebody else's.
std::string listed_path(const GenerateOptions& options, const std::string& path) {
  return models::confined_path(options.output_dir, path,
                               "allow its folder with --output-dir, or name it with -o");
}

void resolve_outputs(GenerateJob& job) {
  GenerateOptions& options = job.options;
  const std::string& title = job.stages.empty() ? options.prompt : job.stages.front().text;
  if (options.output.empty()) {
    job.kept_name = default_output(title, options.output_dir);
    options.output = job.kept_name->path();
  }
  if (options.listed_output) options.output = listed_path(options, options.output);
  std::vector<std::string> outputs = {options.output};
  if (options.compare) {
    job.output_unedited = with_suffix(options.output, "-unedited");
    job.output_side_by_side = with_suffix(options.output, "-side-by-side");
    outputs.push_back(job.output_unedited), outputs.push_back(job.output_side_by_side);
  }
  for (const std::string& output : outputs) {
    media::check_output(output, {.fps = *options.fps,
                                 .crf = static_cast<int>(options.crf),
                                 .codec = options.codec,
                                 .overwrite = options.overwrite});
  }
}

void resolve_previews(GenerateJob& job) {
  const GenerateOptions& options = job.options;
  if (!options.preview) return;
  if (*options.preview < 1) {
    throw std::invalid_argument("[--preview] must be a number of steps from 1 up, got " +
                                std::to_string(*options.preview) + "; for example --preview 5");
  }
  job.previews["sampler"] = preview_name(options.output);
  if (options.compare) job.previews["sampler_unedited"] = preview_name(job.output_unedited);
  for (const auto& [node, file] : job.previews) check_preview(file, options.overwrite);
}

/// The edits and LoRAs, taken apart and checked, and the scheduler, made once to see that it can be.
void resolve_plugins(GenerateJob& job, const JobRegistries& registries) {
  GenerateOptions& options = job.options;
  guidance::make_scheduler(registries.schedulers, job.model.scheduler, options.scheduler,
                           static_cast<int>(*options.steps));
  guidance::require_known_class(registries.schedulers, job.model.scheduler_in_index, job.model.path);
  if (options.scheduler.empty()) options.scheduler = "model";
  for (const std::string& text : options.edits) {
    job.edits.push_back(registries.edits.split(text));
    attention::ParsedEdit& edit = job.edits.back();
    for (const Param& param : edit.entry->spec.params) {
      auto* file = param.writes ? std::get_if<std::string>(&edit.options.at(param.name)) : nullptr;
      if (!file || file->empty()) continue;
      if (options.listed_edits) *file = listed_path(options, *file);
      models::check_target(*file, options.overwrite);
    }
    attention::refuse_unserved(registries.edits.rule(edit.entry->spec.name, edit.options, edit.selector),
                               {.hidden = true}, "a video model");
  }
  if (options.compare && options.edits.empty())
    throw std::invalid_argument(
        "[--compare] shows a video without and with edits, got no edit; add --edit, or leave it out");
  for (const auto& [option, file] :
       {std::pair{"--init-latents", options.initial_latents}, {"--step-noise", options.step_noise}}) {
    if (!file.empty()) models::check_input({.path = file, .option = option});
  }
  for (const std::string& text : options.loras) {
    job.loras.push_back(parse_lora(text));
    models::check_input({.path = job.loras.back().path, .option = "--lora"});
    models::read_lora_file(job.loras.back().path,
                           job.loras.back().weight);  // its faults show without the model
  }
}

/// All files that the job writes. Throws: std::invalid_argument if two of them are one.
void resolve_targets(GenerateJob& job) {
  const GenerateOptions& options = job.options;
  const auto add = [&](const std::string& option, const TargetNames& names) {
    for (const JobTarget& other : job.targets) {
      if (!other.names.meets(names)) continue;
      throw std::invalid_argument(
          "[" + option + "] '" + names.path() + "' is the file of " + other.option + ", too" +
          (other.names.path() == names.path() ? "" : " ('" + other.names.path() + "')") +
          "; give each a file of its own");
    }
    job.targets.push_back(
        {option, names, job.kept_name && !option.starts_with("--edit") && !option.starts_with("--save")});
  };
  add("-o", TargetNames::of_output(options.output));
  for (const std::string& output : {job.output_unedited, job.output_side_by_side}) {
    if (!output.empty()) add("--compare", TargetNames::of_output(output));
  }
  for (const auto& [node, file] : job.previews) add("--preview", TargetNames::of_file(file));
  for (const attention::ParsedEdit& edit : job.edits) {
    for (const Param& param : edit.entry->spec.params) {
      const auto* file = param.writes ? std::get_if<std::string>(&edit.options.at(param.name)) : nullptr;
      if (file && !file->empty())
        add("--edit " + edit.entry->spec.name, TargetNames::of_file(*file, TargetNames::Kind::kRecorded));
    }
  }
  if (!options.save_graph.empty()) add("--save-graph", TargetNames::of_file(options.save_graph));
  if (options.save_tensors.empty()) return;
  add("--save-tensors", TargetNames::of_file(options.save_tensors));
  models::check_target(options.save_tensors, options.overwrite);
}

/// What the user gave and this job has no use for. `given`: before the model's defaults were filled in.
void name_unused(const GenerateOptions& given, GenerateJob& job) {
  const double guidance = *job.options.guidance;
  const auto without_guidance = [&](const std::string& option) {
    job.unused.push_back("[--" + option + "] changes nothing at guidance " + to_text(guidance) +
                         ", which is none; raise --guidance above 1 or leave it out");
  };
  if (guidance <= 1 && !given.negative.empty()) without_guidance("negative");
  if (guidance <= 1 && given.guidance_rescale.value_or(0) > 0) without_guidance("guidance-rescale");
  if (given.preview && *given.preview > *job.options.steps)
    job.unused.push_back("[--preview] shows nothing: it is every " + std::to_string(*given.preview) +
                         " steps, and there are " + std::to_string(*job.options.steps) +
                         "; give fewer, or leave it out");
  if (given.no_recipe && !media::carries_tags(job.options.output))
    job.unused.push_back("[--no-recipe] changes nothing: the format of '" + job.options.output +
                         "' holds no recipe; leave it out");
  if (given.prompt_blend != GenerateOptions{}.prompt_blend && given.prompt_keys.size() < 2 &&
      job.stages.size() < 2 && !(given.prompt_keys.size() == 1 && !given.prompt.empty()))
    job.unused.push_back(
        "[--prompt-blend] changes nothing with one prompt; add --prompt-at or --synopsis, or leave it out");
}

}  // namespace

GenerateJob resolve_job(const GenerateOptions& options, const ModelChoice& choice,
                        const JobRegistries& registries) {
  GenerateJob job;
  job.options = options, job.choice = choice;
  const std::string folder = models::find_model(choice.name, models::model_search_path(choice.models_dirs));
  job.model = models::ModelFolder::open(folder, choice.motion_adapter);
  models::require_video_model(job.model);
  resolve_size(job);
  fill_in_numbers(job);
  resolve_prompts(job);
  resolve_outputs(job);
  resolve_previews(job);
  resolve_plugins(job, registries);
  resolve_targets(job);
  name_unused(options, job);
  return job;
}

}  // namespace reel::pipeline
