#include "models/pipelines/support/diffusers_folder.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <stdexcept>

#include "models/files/input/input_file.h"
#include "models/pipelines/support/component_index.h"

namespace reel::models {
namespace fs = std::filesystem;
namespace {

/// Components that change no video.
constexpr const char* kWithoutEffect[] = {"feature_extractor", "image_encoder", "safety_checker"};
constexpr size_t kMostUnused = 10;  // that are worth naming
constexpr const char* kTokenizers[] = {"CLIPTokenizer", "CLIPTokenizerFast"};
constexpr const char* kNoTokenizer =
    "has no tokenizer folder; fetch tokenizer/ (vocab.json and merges.txt) too";
constexpr const char* kUsed[] = {"unet", "vae", "text_encoder", "tokenizer", "scheduler", "motion_adapter"};

bool among(const std::string& name, std::span<const char* const> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string component_folder(const std::string& root, const std::string& name) {
  const fs::path folder = fs::path(root) / name;
  return has_input((folder / "config.json").string()) ? folder.string() : "";
}

void read_components(ModelFolder& model, const std::vector<std::string>& denoisers) {
  const ComponentIndex index = ComponentIndex::of_folder(model.path);
  std::vector<std::string> problems = index.problems;
  const auto note = [&](std::string problem) {
    if (!problem.empty()) problems.push_back(std::move(problem));
  };
  for (const auto& [name, files] :
       {std::pair{"unet", &model.denoiser}, {"vae", &model.vae}, {"text_encoder", &model.text_encoder}}) {
    const std::string file = std::string(name) + "/config.json";
    files->folder = component_folder(model.path, name);
    if (files->folder.empty()) {
      note("has no " + file + "; a " + model.pipeline_class + " needs it");
      continue;
    }
    files->config = Config::read(files->folder + "/config.json");
    note(index.problem_with(name, stated_classes(files->config), file));
  }
  const std::string denoiser = model.denoiser.config.text("_class_name", "");
  if (!denoisers.empty() && !denoiser.empty() &&
      std::find(denoisers.begin(), denoisers.end(), denoiser) == denoisers.end()) {
    note("has a unet of class '" + denoiser.substr(0, 60) + "'; a " + model.pipeline_class +
         " needs one of " + c10::Join(", ", denoisers));
  }
  const std::string scheduler = model.path + "/scheduler/scheduler_config.json";
  if (has_input(scheduler)) {
    model.scheduler = Config::read(scheduler);
    note(index.problem_with("scheduler", {}, ""));
    const auto stated = index.classes.find("scheduler");
    if (stated != index.classes.end() && stated->second != model.scheduler.text("_class_name", ""))
      model.scheduler_in_index = stated->second;
  } else {
    note("has no scheduler/scheduler_config.json; fetch it too");
  }
  if (!fs::is_directory(model.path + "/tokenizer")) note(kNoTokenizer);
  note(index.problem_with("tokenizer", {}, ""));
  const auto tokenizer = index.classes.find("tokenizer");
  if (tokenizer != index.classes.end() && !among(tokenizer->second, kTokenizers))
    note("has a tokenizer of class '" + tokenizer->second +
         "' by model_index.json; CLIPTokenizer can be read");
  for (const auto& [name, class_name] : index.classes) {
    if (!among(name, kUsed) && !among(name, kWithoutEffect) && model.unused.size() < kMostUnused)
      model.unused.push_back(name + " (" + class_name + ")");
  }
  if (!problems.empty()) throw ModelFolderError(model.path, std::move(problems));
  model.latent = LatentShape::of_image_vae(model.vae.config);
}

void read_tokenizer(ModelFolder& model) {
  model.text_encoder.tokenizer = model.path + "/tokenizer";
  if (!fs::is_directory(model.text_encoder.tokenizer)) {
    throw ModelFolderError(model.path, {kNoTokenizer});
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
