// AnimateDiff: a UNet with motion modules, or Stable Diffusion and a motion adapter that adds them.

#include "models/files/input/input_file.h"
#include "models/pipeline_registry.h"
#include "models/pipelines/support/component_index.h"
#include "models/pipelines/support/diffusers_folder.h"

namespace reel::models {
namespace {

/// Whether the folder's own adapter is there and what the folder says it is. One that the user gives replaces it.
void check_adapter(const ModelFolder& model) {
  const auto index = ComponentIndex::of_folder(model.path);
  if (!model.motion_adapter.empty() || !index.classes.count("motion_adapter")) return;
  std::string problem =
      "lists a motion_adapter in model_index.json, but has no motion_adapter/config.json; fetch "
      "the folder, or give one with --motion-adapter";
  if (!model.denoiser.adapter.empty()) {
    problem = index.problem_with("motion_adapter",
                                 stated_classes(Config::read(model.denoiser.adapter + "/config.json")),
                                 "motion_adapter/config.json");
  }
  if (!problem.empty()) throw ModelFolderError(model.path, {problem});
}

void open(ModelFolder& model, const Config&) {
  read_components(model, {"UNetMotionModel", "UNet2DConditionModel"});
  const std::string unet = model.denoiser.config.text("_class_name", "");
  if (unet == "UNet2DConditionModel") {
    model.denoiser.adapter =
        model.motion_adapter.empty() ? component_folder(model.path, "motion_adapter") : model.motion_adapter;
    model.connects_frames = !model.denoiser.adapter.empty();
    check_adapter(model);
  } else {
    refuse_motion_adapter(model);
  }
  // The tables of frame positions bound the number of frames. An adapter without a configuration states none.
  const std::string adapter = model.denoiser.adapter + "/config.json";
  if (unet == "UNetMotionModel") {
    model.max_frames = model.denoiser.config.integer("motion_max_seq_length", 32);
  } else if (has_input(adapter)) {
    model.max_frames = Config::read(adapter).integer("motion_max_seq_length", 32);
  }
  size_from_unet(model, 64);
  read_tokenizer(model);
}

}  // namespace

void register_animate_diff(PipelineRegistry& registry) {
  PipelineEntry entry;
  entry.spec = {"animate_diff", "AnimateDiff, or Stable Diffusion with a motion adapter",
                "diffusers AnimateDiffPipeline; Guo et al., AnimateDiff, 2023"};
  entry.class_names = {"AnimateDiffPipeline",
                       "AnimateDiffPAGPipeline",
                       "AnimateDiffControlNetPipeline",
                       "AnimateDiffSparseControlNetPipeline",
                       "AnimateDiffVideoToVideoPipeline",
                       "StableDiffusionPipeline",
                       "StableDiffusionImg2ImgPipeline",
                       "LatentConsistencyModelPipeline"};
  entry.open = open;
  registry.add(std::move(entry));
}

}  // namespace reel::models
