#include "models/pipelines/support/captioner_folder.h"

#include <algorithm>
#include <stdexcept>

#include "models/files/input/input_file.h"
#include "models/vision/image_steps.h"

namespace reel::models {

bool states_model(const std::string& folder, const std::string& architecture, const std::string& type) {
  const std::string file = folder + "/config.json";
  if (!has_input(file)) return false;
  const Config config = Config::read(file);
  if (config.is_list("architectures")) {
    const auto all = config.texts("architectures", {});
    if (!all.empty()) return std::find(all.begin(), all.end(), architecture) != all.end();
  }
  return config.is_text("model_type") && config.text("model_type", "") == type;
}

std::vector<std::string> read_captioner(ModelFolder& model, const Config& generation) {
  if (!model.motion_adapter.empty()) {
    throw std::invalid_argument("[" + model.path +
                                "] writes captions, and takes no motion adapter; leave it out");
  }
  ComponentFiles& files = model.captioner;
  files.folder = model.path;
  files.config = Config::read(model.path + "/config.json");
  model.generation = generation;
  model.caption_input.request = generation.text("prompt", model.caption_input.request);
  const std::string processor = model.path + "/processor_config.json";
  if (has_input(processor)) {
    std::string& mark = model.caption_input.picture_mark;
    mark = Config::read(processor).text("image_token", mark);
  }
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    if (has_input(model.path + "/" + name)) files.tokenizer = model.path;
  }
  if (files.tokenizer.empty()) return {"has neither tokenizer.json nor tokenizer.model; fetch one of them"};
  return {};
}

bool read_picture_steps(ModelFolder& model, const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    const std::string processor = folder + "/processor_config.json";
    if (folder.empty()) continue;
    if (!has_input(folder + "/preprocessor_config.json") &&
        !(has_input(processor) && Config::read(processor).has("image_processor")))
      continue;
    model.caption_input.picture_steps = image_processor_config(folder);
    return true;
  }
  return false;
}

}  // namespace reel::models
