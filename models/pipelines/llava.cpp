// LLaVA: a folder of transformers, or of the original code, with config.json and weights side by side. The original code
// names its vision tower and leaves it out of the weights: it is then looked for inside the folder, and nowhere else.
#include <filesystem>

#include "models/files/checkpoint.h"
#include "models/files/input/input_file.h"
#include "models/layouts/llava_layout.h"
#include "models/pipeline_registry.h"
#include "models/pipelines/support/captioner_folder.h"
#include "models/vision/clip_vision.h"

namespace reel::models {
namespace fs = std::filesystem;
namespace {

bool is_original(const Config& config) {
  return config.has("mm_vision_tower") || config.has("mm_projector_type");
}

bool recognises(const std::string& folder) {
  return states_model(folder, "LlavaForConditionalGeneration", "llava") ||
         states_model(folder, "LlavaLlamaForCausalLM", "llava_llama");
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

/// CLIP's image processor at the size of the tower's pictures, which the original code takes from the tower's folder.
Config steps_of_tower(const ComponentFiles& files) {
  std::optional<Config> tower;
  if (!files.tower.empty()) tower = Config::read(files.tower + "/config.json");
  Checkpoint checkpoint = Checkpoint::open(files.folder);
  rename_llava(checkpoint);
  const std::string side =
      std::to_string(ClipVisionOptions::of_original(files.config, tower, checkpoint).image);
  return Config::parse(R"({"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": )" + side +
                           R"(}, "crop_size": )" + side + "}",
                       files.config.place());
}

void open(ModelFolder& model, const Config& generation) {
  std::vector<std::string> problems = read_captioner(model, generation);
  const ComponentFiles& files = model.captioner;
  CaptionInput& input = model.caption_input;
  const bool original = is_original(files.config);
  if (original) {
    if (const std::string problem = find_tower(model); !problem.empty()) problems.push_back(problem);
    input.aspect_ratio = files.config.text("image_aspect_ratio", "");
    input.chat_template = kVicuna;
  }
  if (!read_picture_steps(model, {model.path, files.tower})) {
    if (!original)
      problems.push_back("has no preprocessor_config.json, which says how pictures are prepared; fetch it");
    else if (problems.empty())  // the sizes of a tower that is not there are not known
      input.picture_steps = steps_of_tower(files);
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
