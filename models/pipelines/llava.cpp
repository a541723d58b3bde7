// LLaVA: a folder of transformers, or of the original code, with config.json and weights side by side. The original code
// names its vision tower and leaves it out of the weights: it is then looked for inside the folder, and nowhere else.
#include <filesystem>

#include "models/files/checkpoint.h"
#include "models/files/input/input_file.h"
#include "models/layouts/llava_layout.h"
#include "models/pipeline_registry.h"

namespace reel::models {
namespace fs = std::filesystem;
namespace {

bool states(const Config& config, const std::string& architecture, const std::string& type) {
  if (config.is_list("architectures")) {
    const auto all = config.texts("architectures", {});
    if (!all.empty()) return std::find(all.begin(), all.end(), architecture) != all.end();
  }
  return config.is_text("model_type") && config.text("model_type", "") == type;
}

bool is_original(const Config& config) {
  return config.has("mm_vision_tower") || config.has("mm_projector_type");
}

bool recognises(const std::string& folder) {
  const std::string file = folder + "/config.json";
  if (!has_input(file)) return false;
  const Config config = Config::read(file);
  return states(config, "LlavaForConditionalGeneration", "llava") ||
         states(config, "LlavaLlamaForCausalLM", "llava_llama");
}

/// The folder inside `root` that a configuration names, as `clip-vit-large-patch14-336` or with the name of its owner in
/// front; "" if there is none. A name that leads out of the folder counts by its last part.
std::string tower_folder(const fs::path& root, const std::string& name) {
  const fs::path named(name);
  bool inside = !named.is_absolute();
  for (const fs::path& part : named) inside = inside && part != "..";
  for (const fs::path& candidate : {inside ? named : named.filename(), named.filename()}) {
    if (candidate.empty() || candidate == ".") continue;
    const fs::path folder = root / candidate;
    if (has_input((folder / "config.json").string())) return folder.string();
  }
  return "";
}

/// Finds the tower that the checkpoint does not hold. Returns what is wrong; empty: nothing.
std::string find_tower(ModelFolder& model) {
  ComponentFiles& files = model.captioner;
  Checkpoint checkpoint = Checkpoint::open(model.path);
  rename_llava(checkpoint);
  if (has_vision_tower(checkpoint)) return "";
  const std::string name = files.config.text("mm_vision_tower", "");
  if (!name.empty()) files.tower = tower_folder(model.path, name);
  if (!files.tower.empty()) return "";
  const std::string shown = name.substr(0, 120), last = fs::path(shown).filename().string();
  return "names the vision tower '" + shown +
         "' in config.json, which is neither among its weights nor a folder inside it; "
         "fetch that model's config.json and weights into " +
         model.path + "/" + (last.empty() ? "TOWER" : last);
}

void open(ModelFolder& model, const Config& generation) {
  if (!model.motion_adapter.empty()) {
    throw std::invalid_argument("[" + model.path +
                                "] writes captions, and takes no motion adapter; leave it out");
  }
  ComponentFiles& files = model.captioner;
  files.folder = model.path;
  files.config = Config::read(model.path + "/config.json");
  model.generation = generation;
  std::vector<std::string> problems;
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    if (has_input(model.path + "/" + name)) files.tokenizer = model.path;
  }
  if (files.tokenizer.empty())
    problems.push_back("has neither tokenizer.json nor tokenizer.model; fetch one of them");
  for (const char* name : {"processor_config.json", "preprocessor_config.json"}) {
    if (const std::string file = model.path + "/" + name; has_input(file)) model.picture_processor = file;
  }
  if (is_original(files.config)) {
    if (const std::string problem = find_tower(model); !problem.empty()) problems.push_back(problem);
    if (const std::string file = files.tower + "/preprocessor_config.json";
        model.picture_processor.empty() && !files.tower.empty() && has_input(file))
      model.picture_processor = file;
  } else if (model.picture_processor.empty()) {
    problems.push_back("has no preprocessor_config.json, which says how pictures are prepared; fetch it");
  }
  if (!problems.empty()) throw ModelFolderError(model.path, std::move(problems));
}

}  // namespace

void register_llava(PipelineRegistry& registry) {
  PipelineEntry entry;
  entry.spec = {"llava", "LLaVA, which writes captions of pictures",
                "transformers LlavaForConditionalGeneration; Liu et al., LLaVA-1.5, 2023"};
  entry.class_names = {"LlavaForConditionalGeneration", "LlavaLlamaForCausalLM"};
  entry.recognises = recognises;
  entry.open = open;
  registry.add(std::move(entry));
}

}  // namespace reel::models
