#include "models/lora/layer_names.h"

#include <set>
#include <string_view>

#include "models/layouts/original_unet.h"
#include "models/lora/vocabulary.h"

namespace reel::models {
namespace {

/// How the ends of layers' names are written elsewhere: the second in place of the first.
constexpr std::pair<std::string_view, std::string_view> kOtherEnds[] = {
    {"_to_out_0", "_to_out"},  // a list of a projection and of dropout, of which some drop the number
    // The text encoder's projections under the names of the UNet's, in old files of diffusers.
    {"_self_attn_q_proj", "_self_attn_to_q"},
    {"_self_attn_k_proj", "_self_attn_to_k"},
    {"_self_attn_v_proj", "_self_attn_to_v"},
    {"_self_attn_out_proj", "_self_attn_to_out"},
    // OpenCLIP's.
    {"_self_attn_out_proj", "_attn_out_proj"},
    {"_mlp_fc1", "_mlp_c_fc"},
    {"_mlp_fc2", "_mlp_c_proj"}};

}  // namespace

LayerNames::LayerNames(const std::vector<std::string>& tensors) {
  std::set<std::string> layers;
  for (const std::string& tensor : tensors) {
    std::string layer = tensor;
    for (const std::string_view end : {".weight", ".bias"}) {
      if (layer.ends_with(end)) layer.erase(layer.size() - end.size());
    }
    layers.insert(layer);
  }
  for (const std::string& layer : layers) add(layer, layer);
  for (const auto& [name, layer] : original_layer_names(layers)) add(name, layer);
}

void LayerNames::add(const std::string& name, const std::string& layer) {
  const std::string flat = flat_layer_name(name);
  layers_.emplace(flat, layer);
  for (const auto& [end, other] : kOtherEnds) {
    if (!flat.ends_with(end)) continue;
    const std::string renamed = flat.substr(0, flat.size() - end.size()).append(other);
    layers_.emplace(renamed, layer);
    constexpr std::string_view kLayers = "encoder_layers_";  // of a text encoder
    if (renamed.starts_with(kLayers))
      layers_.emplace("transformer_resblocks_" + renamed.substr(kLayers.size()), layer);
  }
}

std::optional<std::string> LayerNames::find(const std::string& flat) const {
  const auto found = layers_.find(flat);
  return found == layers_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace reel::models
