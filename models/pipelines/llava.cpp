// LLaVA: a folder of transformers, or of the original code, with config.json and weights side by side. The original code
// names its vision tower and leaves it out of the weights: it is then looked for inside the folder, and nowhere else.
#include <filesystem>

#include "models/families/support/llava_options.h"
#include "models/files/checkpoint.h"
#include "models/files/input/input_file.h"
#include "models/layouts/llava_layout.h"
#include "models/pipeline_registry.h"
#include "models/vision/image_steps.h"

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

/// The prompt of the original code: conversation `vicuna_v1`, pictures first.
/// Source: Liu et al., LLaVA-1.5; its llava/conversation.py.
constexpr const char* kVicuna =
    "{{ 'A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, "
    "detailed, and polite answers to the user\\'s questions. ' }}"
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ 'ASSISTANT: ' }}{% else %}"
    "{{ 'USER: ' }}{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<image>\n' }}{% else %}"
    "{{ part['text'] }}{% endif %}{% endfor %}"
    "{% if message['role'] == 'assistant' %}{{ '</s>' }}{% else %}{{ ' ' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}";

/// The folder whose file says how pictures are prepared: the model's or, of the original code, its tower's; empty: none.
std::string folder_of_steps(const ModelFolder& model) {
  for (const std::string& folder : {model.path, model.captioner.tower}) {
    const std::string whole = folder + "/processor_config.json";
    if (folder.empty()) continue;
    if (has_input(folder + "/preprocessor_config.json")) return folder;
    if (has_input(whole) && Config::read(whole).has("image_processor")) return folder;
  }
  return "";
}

/// CLIP's image processor at the size of the tower's pictures, which the original code takes from the tower's folder.
Config steps_of_tower(const ComponentFiles& files) {
  std::optional<Config> tower;
  if (!files.tower.empty()) tower = Config::read(files.tower + "/config.json");
  Checkpoint checkpoint = Checkpoint::open(files.folder);
  rename_llava(checkpoint);
  const std::string side = std::to_string(LlavaOptions::read(files.config, tower, checkpoint).vision.image);
  return Config::parse(R"({"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": )" + side +
                           R"(}, "crop_size": )" + side + "}",
                       files.config.place());
}

/// Pictures and words of the prompt. Returns what is wrong; empty: nothing.
std::string read_input(ModelFolder& model, bool original) {
  CaptionInput& input = model.caption_input;
  const std::string steps = folder_of_steps(model), whole = model.path + "/processor_config.json";
  if (!steps.empty())
    input.picture_steps = image_processor_config(steps);
  else if (original)
    input.picture_steps = steps_of_tower(model.captioner);
  else
    return "has no preprocessor_config.json, which says how pictures are prepared; fetch it";
  if (original) {
    input.aspect_ratio = model.captioner.config.text("image_aspect_ratio", "");
    input.chat_template = kVicuna;
  } else if (has_input(whole)) {
    input.picture_mark = Config::read(whole).text("image_token", input.picture_mark);
  }
  input.request = model.generation.text("prompt", input.request);
  return "";
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
  const bool original = is_original(files.config);
  if (original) {
    if (const std::string problem = find_tower(model); !problem.empty()) problems.push_back(problem);
  }
  // The sizes of a tower that is not there are not known.
  if (!original || problems.empty()) {
    if (const std::string problem = read_input(model, original); !problem.empty())
      problems.push_back(problem);
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
