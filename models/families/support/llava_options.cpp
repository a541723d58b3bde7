#include "models/families/support/llava_options.h"

namespace reel::models {
namespace {

/// What stands for a picture in prompts of the original code, whose vocabulary has no such token.
constexpr int64_t kPlaceholder = -200;

[[noreturn]] void refuse_choice(const Config& config, const std::string& key, const std::string& value,
                                const std::string& supported) {
  throw std::runtime_error("[" + config.place() + "] '" + key + "' is '" + value.substr(0, 60) +
                           "', which is not supported; supported are " + supported);
}

/// One integer or a list of them.
std::vector<int64_t> one_or_several(const Config& config, const std::string& key, int64_t absent) {
  if (!config.is_list(key)) return {config.integer(key, absent)};
  const std::vector<int64_t> values = config.integers(key, {});
  if (!values.empty() && values.size() <= 64) return values;
  throw std::runtime_error("[" + config.place() + "] '" + key +
                           "' must be an integer or a list of 1 to 64, got " + std::to_string(values.size()) +
                           "; correct the file or fetch it again");
}

SpecialIds read_ids(const Config& config, const Config& text) {
  const auto from = [&](const char* key) -> const Config& { return config.has(key) ? config : text; };
  SpecialIds ids;
  ids.eos = one_or_several(from("eos_token_id"), "eos_token_id", 2);
  ids.bos = from("bos_token_id").integer("bos_token_id", 1);
  ids.pad = from("pad_token_id").integer("pad_token_id", -1);
  return ids;
}

/// What the class of a part must be, if its configuration states one.
Config part_of(const Config& config, const std::string& key, const std::string& supported) {
  const Config part = config.object(key);
  const std::string type = part.text("model_type", supported);
  if (type != supported) refuse_choice(part, "model_type", type, supported);
  return part;
}

LlavaOptions of_transformers(const Config& config) {
  LlavaOptions options;
  const Config text = part_of(config, "text_config", "llama");
  options.text = LlamaOptions::read(text);
  // The class states the tied head for all of its language models, or leaves it to theirs.
  options.text.tied_head |= config.flag("tie_word_embeddings", false);
  const Config stated = part_of(config, "vision_config", "clip_vision_model");
  const Config vision =
      config.has("vision_config")
          ? stated
          : Config::parse(
                R"({"intermediate_size": 4096, "hidden_size": 1024, "patch_size": 14, "image_size": 336,
                              "num_hidden_layers": 24, "num_attention_heads": 16})",
                config.place());
  options.vision = ClipVisionOptions::read(vision);
  options.features.layers = one_or_several(config, "vision_feature_layer", -2);
  const std::string strategy = config.text("vision_feature_select_strategy", "default");
  if (strategy != "default" && strategy != "full")
    refuse_choice(config, "vision_feature_select_strategy", strategy, "default and full");
  options.features.class_token = strategy == "full";
  options.projector.bias = config.flag("multimodal_projector_bias", true);
  options.projector.activation = config.text("projector_hidden_act", "gelu");
  if (const std::string places = config.text("image_position_ids", "sequential"); places != "sequential")
    refuse_choice(config, "image_position_ids", places, "sequential");
  options.image_token =
      config.integer("image_token_index", config.integer("image_token_id", options.image_token));
  options.ids = read_ids(config, text);
  return options;
}

/// The number of layers in a projector of the original code: `linear`, or `mlpNx_gelu`.
int64_t projector_layers(const Config& config) {
  const std::string key = "mm_projector_type", type = config.text(key, "linear");
  if (type == "linear") return 1;
  if (type.size() == 10 && type.starts_with("mlp") && type.ends_with("x_gelu") && type[3] >= '1' &&
      type[3] <= '9')
    return type[3] - '0';
  refuse_choice(config, key, type, "linear and mlpNx_gelu");
}

LlavaOptions of_original(const Config& config, const std::optional<Config>& tower,
                         const Checkpoint& checkpoint) {
  LlavaOptions options;
  options.text = LlamaOptions::read(config);
  options.vision = ClipVisionOptions::of_original(config, tower, checkpoint);
  options.features.layers = {config.integer("mm_vision_select_layer", -2)};
  const std::string feature = config.text("mm_vision_select_feature", "patch");
  if (feature != "patch" && feature != "cls_patch")
    refuse_choice(config, "mm_vision_select_feature", feature, "patch and cls_patch");
  options.features.class_token = feature == "cls_patch";
  options.projector.layers = projector_layers(config);
  options.image_token = kPlaceholder;
  options.ids = read_ids(config, config);
  for (const char* key : {"mm_use_im_start_end", "mm_use_im_patch_token"}) {
    if (config.flag(key, false))
      refuse_choice(config, key, "true", "models without such tokens, which state false");
  }
  const std::string merge = config.text("mm_patch_merge_type", "flat");
  if (merge != "flat") refuse_choice(config, "mm_patch_merge_type", merge, "flat");
  return options;
}

}  // namespace

LlavaOptions LlavaOptions::read(const Config& config, const std::optional<Config>& tower,
                                const Checkpoint& checkpoint) {
  // Both state the model type "llava"; the keys of each are its own.
  const bool original = config.has("mm_vision_tower") || config.has("mm_projector_type");
  LlavaOptions options = original ? of_original(config, tower, checkpoint) : of_transformers(config);
  options.projector.in = options.vision.width * static_cast<int64_t>(options.features.layers.size());
  options.projector.out = options.text.width;
  return options;
}

}  // namespace reel::models
