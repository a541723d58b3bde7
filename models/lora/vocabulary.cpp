#include "models/lora/vocabulary.h"

#include <algorithm>
#include <string_view>

namespace reel::models {
namespace {

/// What may follow a word: `.weight`, nothing, or either of them behind the name of an adapter.
enum class Rest { kNothing, kWeight, kAdapterWeight, kAdapter };

struct Word {
  const char* text;
  LoraPart part;
  Rest rest;
};

/// A word that is the end of another one stands behind it.
constexpr Word kWords[] = {
    {".lora_A", LoraPart::kDown, Rest::kAdapterWeight},
    {".lora_B", LoraPart::kUp, Rest::kAdapterWeight},
    {".lora_embedding_A", LoraPart::kEmbeddingDown, Rest::kAdapter},
    {".lora_embedding_B", LoraPart::kEmbeddingUp, Rest::kAdapter},
    {".lora_magnitude_vector", LoraPart::kMagnitude, Rest::kAdapter},
    {".lora_linear_layer.down", LoraPart::kDown, Rest::kWeight},
    {".lora_linear_layer.up", LoraPart::kUp, Rest::kWeight},
    {".lora.down", LoraPart::kDown, Rest::kWeight},
    {".lora.up", LoraPart::kUp, Rest::kWeight},
    {"_lora.down", LoraPart::kDown, Rest::kWeight},
    {"_lora.up", LoraPart::kUp, Rest::kWeight},
    {".lora_down", LoraPart::kDown, Rest::kWeight},
    {".lora_up", LoraPart::kUp, Rest::kWeight},
    {".lora_mid", LoraPart::kMid, Rest::kWeight},
    {".dora_scale", LoraPart::kDoraScale, Rest::kNothing},
    {".alpha", LoraPart::kAlpha, Rest::kNothing},
    {".diff", LoraPart::kDiff, Rest::kNothing},
    {".diff_b", LoraPart::kDiffBias, Rest::kNothing},
    {".w_norm", LoraPart::kDiff, Rest::kNothing},
    {".b_norm", LoraPart::kDiffBias, Rest::kNothing},
    {".hada_w1_a", LoraPart::kHada1A, Rest::kNothing},
    {".hada_w1_b", LoraPart::kHada1B, Rest::kNothing},
    {".hada_w2_a", LoraPart::kHada2A, Rest::kNothing},
    {".hada_w2_b", LoraPart::kHada2B, Rest::kNothing},
    {".hada_t1", LoraPart::kHada1Mid, Rest::kNothing},
    {".hada_t2", LoraPart::kHada2Mid, Rest::kNothing},
    {".lokr_w1", LoraPart::kKron1, Rest::kNothing},
    {".lokr_w1_a", LoraPart::kKron1A, Rest::kNothing},
    {".lokr_w1_b", LoraPart::kKron1B, Rest::kNothing},
    {".lokr_w2", LoraPart::kKron2, Rest::kNothing},
    {".lokr_w2_a", LoraPart::kKron2A, Rest::kNothing},
    {".lokr_w2_b", LoraPart::kKron2B, Rest::kNothing},
    {".lokr_t2", LoraPart::kKron2Mid, Rest::kNothing},
};

struct Prefix {
  const char* text;
  LoraTarget target;
};

/// What stands in front of a layer's name and says which component it belongs to. Longer ones first.
constexpr Prefix kComponents[] = {
    {"conditioner.embedders.0.transformer.", LoraTarget::kTextEncoder},
    {"conditioner.embedders.1.", LoraTarget::kSecondTextEncoder},
    {"cond_stage_model.transformer.text_model.", LoraTarget::kTextEncoder},
    {"cond_stage_model.model.", LoraTarget::kTextEncoder},
    {"model.diffusion_model.", LoraTarget::kDenoiser},
    {"lora_transformer_", LoraTarget::kDenoiser},
    {"diffusion_model.", LoraTarget::kDenoiser},
    {"text_encoder_2.", LoraTarget::kSecondTextEncoder},
    {"text_encoder_3.", LoraTarget::kSecondTextEncoder},
    {"text_encoder.", LoraTarget::kTextEncoder},
    {"transformer.resblocks.", LoraTarget::kTextEncoder},
    {"transformer.", LoraTarget::kDenoiser},
    {"lora_unet_", LoraTarget::kDenoiser},
    {"lora_te1_", LoraTarget::kTextEncoder},
    {"lora_te2_", LoraTarget::kSecondTextEncoder},
    {"lora_te3_", LoraTarget::kSecondTextEncoder},
    {"lora_te_", LoraTarget::kTextEncoder},
    {"unet.", LoraTarget::kDenoiser},
};

/// What programs put in front that says nothing.
constexpr const char* kWrappers[] = {"base_model.model.", "_orig_mod.", "module.", "lycoris_"};

/// How the layers of CLIP's text encoders begin in files without a prefix, in flat names.
constexpr const char* kTextLayers[] = {
    "text_model_", "encoder_layers_",        "embeddings_",     "final_layer_norm", "text_projection",
    "resblocks_",  "transformer_resblocks_", "token_embedding", "ln_final"};

bool strip(std::string& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.erase(0, prefix.size());
  return true;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string flat(std::string text) {
  std::replace(text.begin(), text.end(), '.', '_');
  return text;
}

/// Whether `rest`, what follows a word, is one that may. Fills in adapter, and part for a bias.
bool takes(Rest kind, std::string_view rest, LoraKey& key) {
  if (kind == Rest::kNothing) return rest.empty();
  if (kind == Rest::kWeight) return rest == ".weight";
  if (!rest.empty() && rest.front() != '.') return false;
  const bool weight = rest.ends_with(".weight"), bias = rest.ends_with(".bias");
  if (weight) rest.remove_suffix(7);
  if (bias) rest.remove_suffix(5);
  // Only peft's factors have a bias, and only they must say what they are.
  if (bias && key.part != LoraPart::kUp) return false;
  if (kind == Rest::kAdapterWeight && !weight && !bias) return false;
  if (bias) key.part = LoraPart::kUpBias;
  if (rest.empty()) return true;
  key.adapter = std::string(rest.substr(1));
  return !key.adapter.empty() && key.adapter.find('.') == std::string::npos;
}

/// Sets target and path from the module's name.
void find_component(LoraKey& key) {
  key.path = key.module;
  bool known = false;
  for (bool again = true; again;) {
    again = false;
    for (const char* wrapper : kWrappers) again |= strip(key.path, wrapper);
    for (const auto& [text, target] : kComponents) {
      if (known || !key.path.starts_with(text)) continue;
      if (std::string_view(text) != "transformer.resblocks.") strip(key.path, text);
      key.target = target;
      known = again = true;
    }
  }
  if (known) return;
  for (const auto& [text, target] : kComponents) {
    if (key.path + "." == text) return key.path.clear();  // a component without a layer
  }
  const std::string name = flat(key.path);
  for (const char* layer : kTextLayers) {
    if (name.starts_with(layer)) key.target = LoraTarget::kTextEncoder;
  }
}

}  // namespace

std::optional<LoraKey> parse_lora_key(const std::string& name) {
  std::string text = name;
  // Some files keep an alpha under the name of a factor: X.lora.down.weight.alpha, X.to_q_lora.alpha.
  const bool alpha = text.ends_with(".alpha");
  if (alpha) {
    text.erase(text.size() - 6);
    for (const char* end : {".weight", ".down", ".up", ".lora_down", ".lora_up", ".lora_A", ".lora_B",
                            ".lora", "_lora", ".lora_linear_layer"}) {
      if (text.ends_with(end)) text.erase(text.size() - std::string_view(end).size());
    }
    text += ".alpha";
  }
  for (const Word& word : kWords) {
    const size_t at = text.rfind(word.text);
    if (at == std::string::npos || at == 0) continue;
    LoraKey key{.module = text.substr(0, at), .part = word.part};
    if (!takes(word.rest, std::string_view(text).substr(at + std::string_view(word.text).size()), key))
      continue;
    find_component(key);
    return key.path.empty() ? std::nullopt : std::optional(key);
  }
  return std::nullopt;
}

const char* name_of(LoraPart part) {
  if (part == LoraPart::kUpBias) return "lora_B.bias";
  for (const char* preferred : {".lora_down", ".lora_up"}) {
    for (const Word& word : kWords) {
      if (word.part == part && std::string_view(word.text) == preferred) return word.text + 1;
    }
  }
  for (const Word& word : kWords) {
    if (word.part == part) return word.text + 1;
  }
  return "factor";
}

std::string flat_layer_name(std::string path) {
  replace_all(path, ".processor.", ".");
  path = flat(std::move(path));
  replace_all(path, "_processor_to_", "_to_");
  strip(path, "text_model_");
  return path;
}

}  // namespace reel::models
