#include "models/pipelines/support/diffusers_folder.h"

#include <filesystem>
#include <stdexcept>

#include "models/files/input/input_file.h"

namespace reel::models {
namespace fs = std::filesystem;

std::string component_folder(const std::string& root, const std::string& name) {
  const fs::path folder = fs::path(root) / name;
  return has_input((folder / "config.json").string()) ? folder.string() : "";
}

void read_components(ModelFolder& model) {
  for (const auto& [name, files] :
       {std::pair{"unet", &model.denoiser}, {"vae", &model.vae}, {"text_encoder", &model.text_encoder}}) {
    files->folder = component_folder(model.path, name);
    if (files->folder.empty()) {
      throw std::runtime_error("[" + model.path + "] has no " + name + "/config.json; a " +
                               model.pipeline_class + " needs it");
    }
    files->config = Config::read(files->folder + "/config.json");
  }
  const std::string scheduler = model.path + "/scheduler/scheduler_config.json";
  if (!has_input(scheduler)) {
    throw std::runtime_error("[" + model.path + "] has no scheduler/scheduler_config.json; fetch it too");
  }
  model.scheduler = Config::read(scheduler);
  model.latent = LatentShape::of_image_vae(model.vae.config);
}

void read_tokenizer(ModelFolder& model) {
  model.text_encoder.tokenizer = model.path + "/tokenizer";
  if (!fs::is_directory(model.text_encoder.tokenizer)) {
    throw std::runtime_error("[" + model.path +
                             "] has no tokenizer folder; fetch tokenizer/ (vocab.json and merges.txt) too");
  }
}

void size_from_unet(ModelFolder& model, int64_t absent) {
  const auto sides = model.denoiser.config.per_block("sample_size", 2, absent, {1, kMaxSide});
  const Extent video = model.latent.video_of({1, sides[0], sides[1]});
  model.defaults.height = video.height, model.defaults.width = video.width;
}

void refuse_motion_adapter(const ModelFolder& model) {
  if (model.motion_adapter.empty()) return;
  throw std::invalid_argument("[" + model.path +
                              "] already has motion modules in its unet; leave the motion adapter out");
}

}  // namespace reel::models
