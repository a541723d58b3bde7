#include "models/layouts/original_unet.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>

#include "models/layouts/name_parts.h"

namespace reel::models {
namespace {

using Rule = std::pair<std::string_view, std::string_view>;

constexpr std::array<Rule, 8> kOutside = {{{"time_embedding.linear_1", "time_embed.0"},
                                           {"time_embedding.linear_2", "time_embed.2"},
                                           {"fps_embedding.linear_1", "fps_embedding.0"},
                                           {"fps_embedding.linear_2", "fps_embedding.2"},
                                           {"conv_in", "input_blocks.0.0"},
                                           {"conv_norm_out", "out.0"},
                                           {"conv_out", "out.2"},
                                           {"transformer_in.", "init_attn.0."}}};

constexpr std::array<Rule, 6> kResnet = {{{"norm1", "in_layers.0"},
                                          {"conv1", "in_layers.2"},
                                          {"time_emb_proj", "emb_layers.1"},
                                          {"norm2", "out_layers.0"},
                                          {"conv2", "out_layers.3"},
                                          {"conv_shortcut", "skip_connection"}}};

constexpr std::array<Rule, 5> kMotion = {{{".attn1.", ".attention_blocks.0."},
                                          {".attn2.", ".attention_blocks.1."},
                                          {".norm1", ".norms.0"},
                                          {".norm2", ".norms.1"},
                                          {".norm3", ".ff_norm"}}};

/// The layer of a motion module in AnimateDiff's code; "" if it is in none.
std::string motion_name(const std::string& layer) {
  const size_t module = layer.find(".motion_modules.");
  if (module == std::string::npos) return "";
  const size_t inside = layer.find('.', module + 16);
  if (inside == std::string::npos) return "";
  std::string rest = layer.substr(inside);
  for (const auto& [name, original] : kMotion) {
    if (const size_t at = rest.find(name); at != std::string::npos) rest.replace(at, name.size(), original);
  }
  return layer.substr(0, inside) + ".temporal_transformer" + rest;
}

/// How the blocks of a network are counted in the original: through all levels, with those that resize.
class Counting {
 public:
  explicit Counting(const std::set<std::string>& layers) {
    for (const std::string& layer : layers) {
      std::string_view rest = layer;
      const bool down = take(rest, "down_blocks.");
      if (!down && !take(rest, "up_blocks.")) continue;
      const int64_t level = take_index(rest);
      if (level < 0) continue;
      Level& of = (down ? down_ : up_)[level];
      if (take(rest, "resnets.")) of.resnets = std::max(of.resnets, take_index(rest) + 1);
      of.spatial |= rest.starts_with("attentions.");
      of.temporal |= rest.starts_with("temp_attentions.");
    }
  }

  /// "" if the layer has no name in the original.
  std::string original(const std::string& layer) const {
    for (const auto& [name, renamed] : kOutside) {
      if (layer == name || (name.ends_with('.') && layer.starts_with(name)))
        return std::string(renamed) + layer.substr(name.size());
    }
    std::string_view rest = layer;
    if (take(rest, "mid_block.")) return in_middle(rest);
    const bool down = take(rest, "down_blocks.");
    if (!down && !take(rest, "up_blocks.")) return "";
    const int64_t level = take_index(rest);
    return level < 0 ? "" : in_level(down ? down_ : up_, level, down, rest);
  }

 private:
  struct Level {
    int64_t resnets = 0;
    bool spatial = false, temporal = false;
  };

  static std::string resnet_name(std::string_view rest) {
    for (const auto& [name, renamed] : kResnet) {
      if (rest == name) return std::string(renamed);
    }
    return "";
  }

  /// `block`: the original's block, which holds the resnet, its transformers and, last, what resizes.
  static std::string in_block(const std::string& block, const char* kind, std::string_view rest) {
    if (std::string_view(kind) == "resnets") {
      const std::string inside = resnet_name(rest);
      return inside.empty() ? "" : block + "0." + inside;
    }
    if (std::string_view(kind) == "temp_convs") return block + "0.temopral_conv." + std::string(rest);
    return block + (std::string_view(kind) == "attentions" ? "1." : "2.") + std::string(rest);
  }

  static std::string in_level(const std::map<int64_t, Level>& levels, int64_t level, bool down,
                              std::string_view rest) {
    int64_t first = down ? 1 : 0;  // the first convolution is a block of its own
    // A level that is not the last has a resizing layer: down in a block of its own, up in that of its last resnet.
    for (const auto& [number, of] : levels) {
      if (number < level) first += of.resnets + (down ? 1 : 0);
    }
    const Level& of = levels.at(level);
    const std::string stage = down ? "input_blocks." : "output_blocks.";
    if (rest == "downsamplers.0.conv") return stage + std::to_string(first + of.resnets) + ".0.op";
    if (rest == "upsamplers.0.conv") {
      return stage + std::to_string(first + of.resnets - 1) + "." +
             std::to_string(1 + int(of.spatial) + int(of.temporal)) + ".conv";
    }
    for (const char* kind : {"resnets", "attentions", "temp_attentions", "temp_convs"}) {
      if (!take(rest, std::string(kind) + ".")) continue;
      const int64_t index = take_index(rest);
      return index < 0 ? "" : in_block(stage + std::to_string(first + index) + ".", kind, rest);
    }
    return "";
  }

  /// Resnet, transformer (and one along time), resnet: parts of one block.
  std::string in_middle(std::string_view rest) const {
    for (const char* kind : {"resnets", "attentions", "temp_attentions", "temp_convs"}) {
      if (!take(rest, std::string(kind) + ".")) continue;
      const int64_t index = take_index(rest);
      if (index < 0) return "";
      const bool resnet = std::string_view(kind) == "resnets" || std::string_view(kind) == "temp_convs";
      const int64_t last = 2 + int(temporal());
      const int64_t part = resnet ? (index == 0 ? 0 : last) : std::string_view(kind) == "attentions" ? 1 : 2;
      std::string inside = std::string(rest);
      if (std::string_view(kind) == "resnets") inside = resnet_name(rest);
      if (std::string_view(kind) == "temp_convs") inside = "temopral_conv." + inside;
      return inside.empty() ? "" : "middle_block." + std::to_string(part) + "." + inside;
    }
    return "";
  }

  bool temporal() const {
    for (const auto& [number, of] : down_) {
      if (of.temporal) return true;
    }
    return false;
  }

  std::map<int64_t, Level> down_, up_;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> original_layer_names(const std::set<std::string>& layers) {
  const Counting counting(layers);
  std::vector<std::pair<std::string, std::string>> names;
  for (const std::string& layer : layers) {
    for (const std::string& original : {motion_name(layer), counting.original(layer)}) {
      if (!original.empty()) names.emplace_back(original, layer);
    }
  }
  return names;
}

}  // namespace reel::models
