// AnimateDiff: a UNet with motion modules, or Stable Diffusion and a motion adapter that adds them.

#include "models/files/input/input_file.h"
#include "models/pipeline_registry.h"
#include "models/pipelines/support/diffusers_folder.h"

namespace reel::models {
namespace {

void open(ModelFolder& model, const Config&) {
  read_components(model);
  const std::string unet = model.denoiser.config.text("_class_name", "");
  if (unet == "UNet2DConditionModel") {
    model.denoiser.adapter =
        model.motion_adapter.empty() ? component_folder(model.path, "motion_adapter") : model.motion_adapter;
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
