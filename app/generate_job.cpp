// From options to graphs. Above 300 lines until the options of jobs are one table (pipeline/jobs).
#include "app/generate_job.h"

#include <random>

#include "app/preview.h"
#include "app/session/plugins.h"
#include "app/stages_text.h"
#include "attention/plugin/misfit.h"
#include "models/files/safetensors.h"
#include "models/files/utf8.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace fs = std::filesystem;
using pipeline::Graph;
using pipeline::Input;
using pipeline::Link;
using pipeline::Node;

namespace {

std::pair<int64_t, int64_t> parse_size(const std::string& text) {
  long long width = 0, height = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%lldx%lld%c", &width, &height, &rest) != 2 || width < 1 || height < 1 ||
      width > 16384 || height > 16384) {
    throw std::invalid_argument("[--size] must be WIDTHxHEIGHT in pixels, got '" + text +
                                "'; for example 512x320");
  }
  return {width, height};
}

/// `out.mp4` -> `out-unedited.mp4`; patterns keep their number: `f_%05d.png` -> `f-unedited_%05d.png`.
std::string with_suffix(const std::string& path, const std::string& suffix) {
  size_t at = path.find('%');
  if (at == std::string::npos) at = path.rfind('.');
  if (at != std::string::npos && at > 0 && path[at] == '%' && path[at - 1] == '_') --at;
  return path.substr(0, at) + "-" + suffix + path.substr(at);
}

/// The first free name made from the prompt, in the current folder.
std::string default_output(const std::string& prompt) {
  std::string slug;
  for (const char c : prompt) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      slug += static_cast<char>(std::tolower(c));
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
    if (slug.size() >= 48) break;
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  if (slug.empty()) slug = "reel";
  std::string path = slug + ".mp4";
  for (int i = 2; fs::exists(path); ++i) path = slug + "-" + std::to_string(i) + ".mp4";
  return path;
}

/// FILE[:weight]; a colon inside the path is kept unless a number follows the last one.
pipeline::LoraChoice parse_lora(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos && colon + 1 < text.size()) {
    char* end = nullptr;
    const double weight = std::strtod(text.c_str() + colon + 1, &end);
    if (*end == '\0') return {text.substr(0, colon), weight};
  }
  return {text, 1.0};
}

/// Recipes and reports are JSON, which has no other text.
void check_utf8(const std::string& text) {
  if (models::to_utf8(models::from_utf8(text)) == text) return;
  throw std::invalid_argument(
      "[generate] a prompt must be UTF-8, got other bytes; convert it, for example with iconv -t UTF-8");
}

/// What is to be seen when: keys within the video, or the stages of a synopsis.
void resolve_prompts(GenerateJob& job) {
  const GenerateOptions& options = job.options;
  for (const std::string& text : {options.prompt, options.negative, options.synopsis}) check_utf8(text);
  for (const std::string& key : options.prompt_keys) {
    check_utf8(key);
    const int64_t frame = guidance::read_prompt_key("--prompt-at", key).frame;
    if (frame >= job.frames) {
      throw std::invalid_argument("[--prompt-at] frame " + std::to_string(frame) +
                                  " lies beyond the video, whose frames are 0 to " +
                                  std::to_string(job.frames - 1) + "; choose one of them or raise --frames");
    }
  }
  if (options.synopsis.empty()) return;
  if (!options.prompt.empty())
    throw std::invalid_argument("[--synopsis] takes the place of a prompt, got '" + options.prompt +
                                "' too; leave one of them out");
  if (!options.prompt_keys.empty())
    throw std::invalid_argument(
        "[--synopsis] and --prompt-at both say what is to be seen when; leave one of them out, or write the "
        "frames "
        "into the synopsis: \"0:a cat; 15:a dog\"");
  job.synopsis = stages_text(options.synopsis);
  job.stages = guidance::read_synopsis(job.synopsis, job.frames);
}

Link output_of(const std::string& node, int slot = 0) { return {node, slot}; }

Input constant(const ParamValue& value) {
  return std::visit([](const auto& v) -> Input { return v; }, value);
}

}  // namespace

GenerateJob resolve_job(const GenerateOptions& options, const CommonOptions& common) {
  GenerateJob job;
  job.options = options;
  job.model_name = common.model, job.motion_adapter = common.motion_adapter;
  const std::string folder = models::find_model(common.model, models::model_search_path(common.models_dirs));
  job.model = models::ModelFolder::open(folder, common.motion_adapter);
  const models::GenerationDefaults& defaults = job.model.defaults;
  job.width = defaults.width, job.height = defaults.height;
  if (!options.size.empty()) std::tie(job.width, job.height) = parse_size(options.size);
  job.model.latent.check_side("--size", "width", job.width, " for this model");
  job.model.latent.check_side("--size", "height", job.height, " for this model");
  job.frames = options.frames.value_or(defaults.num_frames);
  if (job.model.max_frames > 0 && job.frames > job.model.max_frames) {
    throw std::invalid_argument("[--frames] this model takes 1 to " + std::to_string(job.model.max_frames) +
                                " frames, got " + std::to_string(job.frames) + "; use --frames " +
                                std::to_string(job.model.max_frames));
  }
  job.model.latent.check_frames("--frames", job.frames, " for this model");
  job.steps = options.steps.value_or(defaults.num_inference_steps);
  job.fps = options.fps.value_or(defaults.fps);
  job.guidance = options.guidance.value_or(defaults.guidance_scale);
  job.guidance_rescale = options.guidance_rescale.value_or(defaults.guidance_rescale);
  job.seed = common.seed ? *common.seed : std::random_device{}();  // 32 bits: short to type again
  resolve_prompts(job);
  const std::string& title = job.stages.empty() ? options.prompt : job.stages.front().text;
  job.output = options.output.empty() ? default_output(title) : options.output;
  std::vector<std::string> outputs = {job.output};
  if (options.compare) {
    job.output_unedited = with_suffix(job.output, "unedited");
    job.output_side_by_side = with_suffix(job.output, "side-by-side");
    outputs.push_back(job.output_unedited), outputs.push_back(job.output_side_by_side);
  }
  for (const std::string& output : outputs) {
    media::check_output(
        output, {.fps = job.fps, .crf = options.crf, .codec = options.codec, .overwrite = options.overwrite});
  }
  if (options.preview) {
    if (*options.preview < 1) {
      throw std::invalid_argument("[--preview] must be a number of steps from 1 up, got " +
                                  std::to_string(*options.preview) + "; for example --preview 5");
    }
    job.previews["sampler"] = preview_name(job.output);
    if (options.compare) job.previews["sampler_unedited"] = preview_name(job.output_unedited);
    for (const auto& [node, file] : job.previews) check_preview(file, options.overwrite);
  }
  guidance::make_scheduler(plugins().schedulers, job.model.scheduler, options.scheduler,
                           static_cast<int>(job.steps));
  for (const std::string& edit : options.edits)
    attention::refuse_unserved(plugins().edits.parse(edit), {.hidden = true}, "a video model");
  for (const std::string& lora : options.loras) {
    const std::string file = parse_lora(lora).path;
    if (!fs::exists(file))
      throw std::runtime_error("[--lora] '" + file + "' does not exist; name a LoRA file");
  }
  return job;
}

Graph build_graph(const GenerateJob& job) {
  const GenerateOptions& options = job.options;
  Graph graph = pipeline::read_graph(models::assets_folder() + "/graphs/generate.json");
  const auto set = [&](const std::string& node, const std::string& input, Input value) {
    graph.find(node)->inputs[input] = std::move(value);
  };
  const auto add = [&](Node node) { graph.nodes.push_back(std::move(node)); };

  set("model", "model_path",
      fs::exists(job.model_name) ? fs::absolute(job.model_name).lexically_normal().string() : job.model_name);
  set("model", "motion_adapter", job.motion_adapter);
  Link model = output_of("model", 0), clip = output_of("model", 1);
  for (size_t i = 0; i < options.loras.size(); ++i) {
    const pipeline::LoraChoice lora = parse_lora(options.loras[i]);
    const std::string id = "lora" + std::to_string(i + 1);
    add({id,
         "LoraLoader",
         {{"model", model},
          {"clip", clip},
          {"lora_name", lora.path},
          {"strength_model", lora.weight},
          {"strength_clip", lora.weight}},
         ""});
    model = output_of(id, 0), clip = output_of(id, 1);
  }
  // As in diffusers' AnimateDiffPipeline, only the prompt skips layers; the negative prompt does not.
  const Link negative_clip = clip;
  if (options.clip_skip > 0) {
    add({"clip_skip",
         "CLIPSetLastLayer",
         {{"clip", clip}, {"stop_at_clip_layer", int64_t{-1 - options.clip_skip}}},
         ""});
    clip = output_of("clip_skip");
  }
  if (job.guidance_rescale > 0) {
    add({"rescale", "RescaleCFG", {{"model", model}, {"multiplier", job.guidance_rescale}}, ""});
    model = output_of("rescale");
  }
  const Link unedited = model;
  for (size_t i = 0; i < options.edits.size(); ++i) {
    const attention::ParsedEdit edit = plugins().edits.split(options.edits[i]);
    const std::string id = "edit" + std::to_string(i + 1);
    Node node{id, edit.entry->node_name, {{"model", model}, {"selector", edit.selector}}, ""};
    for (const auto& [name, value] : edit.options) node.inputs[name] = constant(value);
    add(std::move(node));
    model = output_of(id);
  }

  set("positive", "clip", clip), set("negative", "clip", negative_clip);
  set("positive", "text", options.prompt), set("negative", "text", options.negative);
  if (!options.prompt_keys.empty()) {
    std::string keys = options.prompt.empty() || options.prompt_keys.front().starts_with("0:")
                           ? ""
                           : "0:" + options.prompt + "\n";
    for (const std::string& key : options.prompt_keys) keys += key + "\n";
    *graph.find("positive") = {
        "positive",
        "PromptSchedule",
        {{"clip", clip}, {"keys", keys}, {"length", job.frames}, {"blend", options.prompt_blend}},
        ""};
  }
  if (!job.stages.empty()) {
    *graph.find("positive") = {
        "positive",
        "SynopsisPrompt",
        {{"clip", clip}, {"synopsis", job.synopsis}, {"length", job.frames}, {"blend", options.prompt_blend}},
        ""};
  }
  set("latent", "width", job.width), set("latent", "height", job.height), set("latent", "length", job.frames);
  set("sampler", "model", model);
  set("sampler", "seed", job.seed), set("sampler", "steps", job.steps), set("sampler", "cfg", job.guidance);
  const size_t colon = options.scheduler.find(':');
  set("sampler", "sampler_name",
      options.scheduler.empty() ? std::string("model") : options.scheduler.substr(0, colon));
  if (colon != std::string::npos) set("sampler", "sampler_options", options.scheduler.substr(colon + 1));
  if (!options.initial_latents.empty()) set("sampler", "initial_noise", options.initial_latents);
  if (!options.step_noise.empty()) set("sampler", "step_noise", options.step_noise);
  set("video", "fps", job.fps);
  const auto finish_write = [&](const std::string& node, const std::string& path) {
    set(node, "path", path), set(node, "codec", options.codec), set(node, "crf", int64_t{options.crf});
    set(node, "overwrite", options.overwrite), set(node, "recipe", !options.no_recipe);
  };
  finish_write("write", job.output);
  if (!options.compare) return graph;

  // The same seed without the edits, and both next to each other.
  Node sampler = *graph.find("sampler"), decode = *graph.find("decode"), video = *graph.find("video"),
       write = *graph.find("write");
  sampler.id = "sampler_unedited", sampler.inputs["model"] = unedited;
  decode.id = "decode_unedited", decode.inputs["samples"] = output_of("sampler_unedited");
  video.id = "video_unedited", video.inputs["images"] = output_of("decode_unedited");
  write.id = "write_unedited", write.inputs["video"] = output_of("video_unedited");
  Node both_video = video, both_write = write;
  both_video.id = "video_both", both_video.inputs["images"] = output_of("side_by_side");
  both_write.id = "write_both", both_write.inputs["video"] = output_of("video_both");
  add(std::move(sampler)), add(std::move(decode)), add(std::move(video)), add(std::move(write));
  add({"side_by_side",
       "ImagesSideBySide",
       {{"left", output_of("decode_unedited")}, {"right", output_of("decode")}},
       ""});
  add(std::move(both_video)), add(std::move(both_write));
  finish_write("write_unedited", job.output_unedited), finish_write("write_both", job.output_side_by_side);
  return graph;
}

}  // namespace reel::app
