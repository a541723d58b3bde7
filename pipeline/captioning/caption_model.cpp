#include "pipeline/captioning/caption_model.h"

namespace reel::pipeline {
namespace {

const models::ModelFolder& checked(const models::ModelFolder& folder) {
  require_captioner(folder);
  return folder;
}

}  // namespace

CaptionModel::CaptionModel(const CaptionerHandle& handle, ModelCache& models)
    : folder_(handle.folder),
      network_((checked(*folder_), models.captioner(handle))),
      processor_(models::read_image_steps(folder_->caption_input.picture_steps,
                                          folder_->caption_input.aspect_ratio)),
      prompts_(*folder_, network_->image_token()),
      familiarity_(Familiarity::read(folder_->path)),
      settings_(guidance::read_decode_settings(folder_->generation, network_->special_ids(), &notes_)) {
  prompts_.write(folder_->caption_input.request, 1);  // a template that fails is refused before the work
}

void require_captioner(const models::ModelFolder& folder) {
  if (!folder.makes_videos()) return;
  throw std::runtime_error(
      "[" + folder.path + "] is of the class " + folder.pipeline_class +
      ", which makes videos and writes no captions; give --model a captioner, such as LLaVA");
}

}  // namespace reel::pipeline
