// KSampler: noise to latent, under the guidance of two prompts. Just above 300 lines because running, foresight and
// declaration share how inputs are read.
#include <c10/core/InferenceMode.h>

#include <chrono>

#include "attention/plugin/misfit.h"
#include "guidance/guider.h"
#include "guidance/sampling/sampling.h"
#include "models/files/part_file.h"
#include "models/files/safetensors.h"
#include "pipeline/foresight/foresight.h"
#include "pipeline/run/model_cache.h"
#include "pipeline/run/run_context.h"
#include "pipeline/run_warnings.h"

namespace reel::pipeline {
namespace {

/// ComfyUI's names for how steps are spaced, as options of our schedulers; `model` keeps the folder's own.
constexpr std::pair<const char*, const char*> kSpacings[] = {{"model", ""},
                                                             {"karras", "karras=true"},
                                                             {"normal", "spacing=linspace"},
                                                             {"sgm_uniform", "spacing=trailing"},
                                                             {"ddim_uniform", "spacing=leading"}};

std::string scheduler_choice(const Inputs& inputs) {
  std::string name = inputs.text("sampler_name"), options = inputs.text("sampler_options");
  for (const auto& [spacing, option] : kSpacings) {
    if (inputs.text("scheduler") == spacing && *option)
      options = option + (options.empty() ? "" : "," + options);
  }
  if (name == "model") name.clear();
  return options.empty() ? name : name + ":" + options;
}

models::Extent extent_of(const Latent& latent) { return {latent.frames, latent.height, latent.width}; }

/// [batch, C, F, h, w] of the latent of an empty one's size.
std::vector<int64_t> latent_shape(const Latent& latent, const models::LatentShape& of_model) {
  const models::Extent cells = of_model.of(extent_of(latent), "KSampler");
  return {latent.batch, of_model.channels, cells.frames, cells.height, cells.width};
}

/// A context for each frame of a video, [R, F, L, D], becomes one for each frame of its latent: that of the last
/// frame for which the latent frame stands.
at::Tensor at_latent_frames(const at::Tensor& context, const models::LatentShape& of_model) {
  return context.dim() == 4 ? context.slice(1, 0, std::nullopt, of_model.frame_factor) : context;
}

void check_shape(const std::string& path, const std::string& name, at::IntArrayRef found,
                 at::IntArrayRef wanted) {
  if (found == wanted) return;
  throw std::invalid_argument("[" + path + "] '" + name + "' must have the shape " + c10::str(wanted) +
                              ", got " + c10::str(found) + "; check size and frames");
}

at::Tensor read_noise(const std::string& path, const std::string& name, const std::vector<int64_t>& shape) {
  at::Tensor noise = models::read_tensor(path, name).to(at::kFloat);
  check_shape(path, name, noise.sizes(), shape);
  return noise;
}

/// Unconditional rows, then conditional ones, for each video of the batch. `frames`: of the video.
models::Conditioning join(at::Tensor positive, at::Tensor negative, int64_t batch, int64_t frames,
                          bool guided, at::Device device) {
  const auto per_frame = [&](const at::Tensor& context) {
    return context.dim() == 4 ? context : context.unsqueeze(1).expand({-1, frames, -1, -1});
  };
  if (positive.dim() != negative.dim()) positive = per_frame(positive), negative = per_frame(negative);
  if (positive.dim() == 4 && positive.size(1) != frames) {
    throw std::invalid_argument("[KSampler] the prompt schedule has " + std::to_string(positive.size(1)) +
                                " frames, the latent " + std::to_string(frames) +
                                "; give both the same length");
  }
  if (positive.sizes() != negative.sizes() && guided) {
    throw std::invalid_argument("[KSampler] positive and negative have contexts of different shapes, " +
                                c10::str(positive.sizes()) + " and " + c10::str(negative.sizes()) +
                                "; encode both with the same CLIP");
  }
  models::Conditioning condition;
  std::vector<at::Tensor> contexts;
  for (const bool conditional : {false, true}) {
    if (!conditional && !guided) continue;
    for (int64_t b = 0; b < batch; ++b) {
      contexts.push_back(conditional ? positive : negative);
      condition.rows.push_back({.conditional = conditional});
    }
  }
  condition.context = at::cat(contexts).to(device);
  return condition;
}

/// The middle frame of a clean latent through the VAE of the model's own folder: what the video would show,
/// at one frame's share of the cost of decoding it.
at::Tensor middle_frame(const ModelHandle& model, const at::Tensor& latent, ModelCache& models) {
  const c10::InferenceMode inference;
  const auto vae = models.vae(VaeHandle{model.folder});
  const at::Tensor frame = vae->decode(latent.narrow(0, 0, 1).narrow(2, latent.size(2) / 2, 1));
  // [1, 3, 1, H, W] in [-1, 1] -> uint8 [H, W, 3], rounded as CreateVideo does. A VAE that packs frames in
  // time gives several: the first will do.
  const at::Tensor pixels = frame[0].select(1, 0).permute({1, 2, 0}).to(at::kCPU, at::kFloat);
  return pixels.div(2).add_(0.5).clamp_(0, 1).mul_(255).round_().to(at::kByte).contiguous();
}

/// The files that edits record to. A second sampler with the same edit gets a name of its own.
void write_recordings(const std::vector<attention::Recording>& recordings, RunContext& context) {
  for (const attention::Recording& recording : recordings) {
    if (recording.file.empty()) continue;
    const std::string path = context.unused_in_run(recording.file);
    if (path != recording.file)
      context.warn("[" + recording.file + "] was written by an earlier node of this run; this one writes '" +
                   path + "'");
    models::write_safetensors(path, recording.tensors, {}, context.access.may_replace(path));
    context.report->written.push_back(path);
  }
}

std::vector<Value> run(const Inputs& inputs, RunContext& context) {
  const c10::InferenceMode inference;
  const ModelHandle& model = inputs.get<ModelHandle>("model");
  const Latent& latent = inputs.get<Latent>("latent_image");
  if (!latent.empty()) {
    throw std::invalid_argument(
        "[KSampler] it starts from an empty latent, got one with content; connect EmptyLatentVideo");
  }
  for (const attention::EditRule& edit : model.edits)
    attention::refuse_unserved(edit, {.hidden = true}, "a video model");
  models::require_connected_frames(*model.folder, latent.frames);
  const std::vector<int64_t> shape = latent_shape(latent, model.folder->latent);
  const auto steps = static_cast<int>(inputs.integer("steps"));
  const auto scheduler =
      guidance::make_scheduler(*context.schedulers, model.folder->scheduler, scheduler_choice(inputs), steps);
  guidance::require_known_class(*context.schedulers, model.folder->scheduler_in_index, model.folder->path);
  const at::Device device = context.models->device();
  const auto seed = static_cast<uint64_t>(inputs.integer("seed"));

  guidance::SeededNoise generator(seed);
  const std::string initial_file = inputs.text("initial_noise"), step_file = inputs.text("step_noise");
  const at::Tensor noise = initial_file.empty() ? generator.draw(shape, device)
                                                : read_noise(initial_file, "latents", shape).to(device);
  guidance::NoiseSource step_noise = generator.source(shape, device);
  bool drawn = false;
  if (!step_file.empty()) {
    std::vector<int64_t> all = shape;
    all.insert(all.begin(), scheduler->steps().size());
    step_noise = [draws = read_noise(step_file, "noise", all), device, &drawn](int index) {
      drawn = true;
      return draws[index].to(device);
    };
  }

  const double scale = inputs.number("cfg");
  for (const std::string& warning : model_warnings(*model.folder, extent_of(latent))) context.warn(warning);
  if (!model.edits.empty()) {
    const attention::RunShape shape_of_run{.steps = scheduler->steps(), .unconditional = scale > 1};
    for (const std::string& warning : edit_warnings(model.edits, context.models->sites(model), shape_of_run))
      context.warn(warning);
  }
  models::Conditioning condition =
      join(inputs.get<PromptContext>("positive").context, inputs.get<PromptContext>("negative").context,
           shape[0], latent.frames, scale > 1, device);
  condition.context = at_latent_frames(condition.context, model.folder->latent);
  if (model.folder->condition) model.folder->condition(extent_of(latent), condition);
  const auto denoiser =
      context.models->denoiser(model, [&](const std::string& warning) { context.warn(warning); });
  const guidance::Guided guided(*context.guiders, model.guiders, *denoiser, {.scale = scale});
  attention::Processor attend(model.edits);

  std::vector<double> seconds;
  auto last = std::chrono::steady_clock::now();
  const auto all_steps = static_cast<int64_t>(scheduler->steps().size());
  guidance::SamplingCallbacks callbacks;
  callbacks.before_step = [&](const Step& step) {
    if (step.index == 0) context.step(0, all_steps);
    last = std::chrono::steady_clock::now();
  };
  callbacks.after_step = [&](const Step& step, const at::Tensor& estimate) {
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - last).count());
    context.step(step.index + 1, all_steps,
                 [&model, &estimate, &context] { return middle_frame(model, estimate, *context.models); });
  };
  Latent result = latent;
  result.samples =
      guidance::sample(guided.denoiser(), *scheduler, condition, noise, step_noise, attend, callbacks);
  if (!step_file.empty() && !drawn)
    context.warn("[" + step_file +
                 "] changes nothing: this scheduler draws no noise at its steps; leave the step noise "
                 "out, or choose another, such as euler_ancestral");

  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  context.report->facts["seed"] = std::to_string(seed);
  context.report->facts["steps"] = std::to_string(sorted.size());
  context.report->facts["step_first_s"] = to_text(seconds.front());
  context.report->facts["step_median_s"] = to_text(sorted[sorted.size() / 2]);
  context.report->edits = attend.report();
  write_recordings(attend.recordings(), context);
  return {result};
}

/// Refuses a file of another shape, by its header.
void check_noise(const std::string& path, const std::string& name, const std::vector<int64_t>& shape) {
  if (path.empty()) return;
  const auto file = models::SafetensorsFile::open(path);
  if (const auto found = file->tensors().find(name); found != file->tensors().end())
    check_shape(path, name, found->second.shape, shape);
}

std::vector<Value> foresee(const Inputs& inputs, Foresight& foresight) {
  if (inputs.has("model") && inputs.has("steps")) {
    const ModelHandle& model = inputs.get<ModelHandle>("model");
    for (const attention::EditRule& edit : model.edits) {
      attention::refuse_unserved(edit, {.hidden = true}, "a video model");
      const std::string file = edit.make()->recording().file;
      if (!file.empty()) models::check_target(file, foresight.context().access.may_replace(file));
    }
    guidance::make_scheduler(*foresight.context().schedulers, model.folder->scheduler,
                             scheduler_choice(inputs), static_cast<int>(inputs.integer("steps")));
    guidance::require_known_class(*foresight.context().schedulers, model.folder->scheduler_in_index,
                                  model.folder->path);
  }
  if (!inputs.has("model") || !inputs.has("latent_image")) return {};
  const ModelHandle& model = inputs.get<ModelHandle>("model");
  Latent latent = inputs.get<Latent>("latent_image");
  models::require_connected_frames(*model.folder, latent.frames);
  const std::vector<int64_t> shape = latent_shape(latent, model.folder->latent);
  if (model.folder->max_frames > 0 && latent.frames > model.folder->max_frames) {
    throw std::invalid_argument("[KSampler] this model takes 1 to " +
                                std::to_string(model.folder->max_frames) + " frames, got " +
                                std::to_string(latent.frames) + "; give the latent that length");
  }
  check_noise(inputs.text("initial_noise"), "latents", shape);
  latent.samples = at::empty(shape, at::TensorOptions(at::kFloat).device(at::kMeta));
  if (foresight.plans_networks())
    foresight.network("denoiser of " + model.folder->path,
                      foresight.context().models->plan_sampling(
                          model, shape, extent_of(latent), !inputs.has("cfg") || inputs.number("cfg") > 1));
  return {latent};
}

}  // namespace

void register_k_sampler(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"KSampler", "Samples a latent from noise, guided by a prompt and away from another.",
               "ComfyUI's KSampler"};
  node.category = "sampling";
  guidance::SchedulerRegistry schedulers;
  guidance::register_schedulers(schedulers);
  std::vector<std::string> samplers = schedulers.names(), spacings;
  samplers.insert(samplers.begin(), "model");
  for (const auto& entry : kSpacings) spacings.push_back(entry.first);
  node.inputs = {{.name = "model", .type = "MODEL"},
                 {.name = "seed",
                  .type = "INT",
                  .help = "start noise, the same on every device",
                  .default_value = int64_t{0},
                  .seed = true},
                 {.name = "steps",
                  .type = "INT",
                  .help = "denoising steps",
                  .default_value = int64_t{20},
                  .range = Range{1, 10000}},
                 {.name = "cfg",
                  .type = "FLOAT",
                  .help = "guidance scale; at most 1: no guidance",
                  .default_value = 8.0,
                  .range = Range{0, 100}},
                 {.name = "sampler_name",
                  .type = "COMBO",
                  .help = "model: as the model's folder says",
                  .default_value = "model",
                  .choices = samplers},
                 {.name = "scheduler",
                  .type = "COMBO",
                  .help = "spacing of the steps; model: as the model's folder says",
                  .default_value = "model",
                  .choices = spacings},
                 {.name = "positive", .type = "CONDITIONING"},
                 {.name = "negative", .type = "CONDITIONING"},
                 {.name = "latent_image", .type = "LATENT"},
                 {.name = "denoise",
                  .type = "FLOAT",
                  .help = "1: from pure noise",
                  .default_value = 1.0,
                  .range = Range{1, 1}},
                 {.name = "sampler_options",
                  .type = "STRING",
                  .help = "the sampler's own options, e.g. eta=0.5",
                  .default_value = ""},
                 {.name = "initial_noise",
                  .type = "STRING",
                  .help = "safetensors file with `latents`, unit variance; empty: drawn from the seed",
                  .default_value = "",
                  .file = true},
                 {.name = "step_noise",
                  .type = "STRING",
                  .help = "safetensors file with `noise` [steps, ...]; empty: drawn from the seed",
                  .default_value = "",
                  .file = true}};
  node.outputs = {{.name = "LATENT", .type = "LATENT"}};
  node.run = run;
  node.foresee = foresee;
  node.version = 2;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
