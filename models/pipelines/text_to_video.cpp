// ModelScope's and ZeroScope's text to video: a UNet3DConditionModel, which takes any number of frames.
#include "models/pipeline_registry.h"
#include "models/pipelines/support/diffusers_folder.h"

namespace reel::models {
namespace {

void open(ModelFolder& model, const Config&) {
  read_components(model, {"UNet3DConditionModel"});
  refuse_motion_adapter(model);
  model.defaults.guidance_scale = 9;
  size_from_unet(model, 32);
  read_tokenizer(model);
}

}  // namespace

void register_text_to_video(PipelineRegistry& registry) {
  PipelineEntry entry;
  entry.spec = {"text_to_video", "Text to video of ModelScope and ZeroScope",
                "diffusers TextToVideoSDPipeline; Wang et al., ModelScope, 2023"};
  entry.class_names = {"TextToVideoSDPipeline"};
  entry.open = open;
  registry.add(std::move(entry));
}

}  // namespace reel::models
