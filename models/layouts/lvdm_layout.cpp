#include "models/layouts/lvdm_layout.h"

#include <array>
#include <string_view>
#include <utility>

#include "models/layouts/name_parts.h"

namespace reel::models {
namespace {

using Rule = std::pair<std::string_view, std::string_view>;

/// The name, with the first of `rules` that it begins with replaced.
template <size_t n>
std::string replace_beginning(std::string_view name, const std::array<Rule, n>& rules) {
  for (const auto& [old_name, new_name] : rules) {
    if (name.starts_with(old_name)) return std::string(new_name).append(name.substr(old_name.size()));
  }
  return std::string(name);
}

/// Names within a stage: `part` counts residual block, spatial and temporal transformer and, last, the layer
/// that resizes.
std::string stage_name(const std::string& stage, int64_t index, int64_t part, std::string_view rest) {
  static constexpr std::array<Rule, 6> kResnet = {{{"in_layers.0.", "norm1."},
                                                   {"in_layers.2.", "conv1."},
                                                   {"emb_layers.1.", "time_emb_proj."},
                                                   {"out_layers.0.", "norm2."},
                                                   {"out_layers.3.", "conv2."},
                                                   {"skip_connection.", "conv_shortcut."}}};
  const auto in = [&](const char* list) { return stage + list + std::to_string(index) + "."; };
  if (take(rest, "op.")) return (stage + "downsamplers.0.conv.").append(rest);
  if (take(rest, "conv.")) return (stage + "upsamplers.0.conv.").append(rest);
  if (part == 1) return in("attentions.").append(rest);
  if (part == 2) return in("temp_attentions.").append(rest);
  if (take(rest, "temopral_conv.")) return in("temp_convs.").append(rest);  // the original's spelling
  return in("resnets.").append(replace_beginning(rest, kResnet));
}

/// `per_level`: residual blocks of each level on the way down.
std::string unet_name(const std::string& name, int64_t per_level) {
  static constexpr std::array<Rule, 8> kOutside = {{{"time_embed.0.", "time_embedding.linear_1."},
                                                    {"time_embed.2.", "time_embedding.linear_2."},
                                                    {"fps_embedding.0.", "fps_embedding.linear_1."},
                                                    {"fps_embedding.2.", "fps_embedding.linear_2."},
                                                    {"input_blocks.0.0.", "conv_in."},
                                                    {"init_attn.0.", "transformer_in."},
                                                    {"out.0.", "conv_norm_out."},
                                                    {"out.2.", "conv_out."}}};
  if (const std::string renamed = replace_beginning(name, kOutside); renamed != name) return renamed;
  std::string_view rest = name;
  if (take(rest, "middle_block.")) {  // residual block, two transformers, residual block
    const int64_t part = take_index(rest);
    return part < 0 ? name : stage_name("mid_block.", part / 3, part % 3, rest);
  }
  const bool down = take(rest, "input_blocks.");
  if (!down && !take(rest, "output_blocks.")) return name;
  // Both ways a level has per_level + 1 blocks: down, the last only resizes (and is absent at the bottom);
  // up, it takes the skip connection from there.
  const int64_t block = take_index(rest) - (down ? 1 : 0), part = take_index(rest);
  if (block < 0 || part < 0) return name;
  const std::string stage =
      (down ? "down_blocks." : "up_blocks.") + std::to_string(block / (per_level + 1)) + ".";
  return stage_name(stage, block % (per_level + 1), part, rest);
}

std::string autoencoder_name(const std::string& name, int64_t levels) {
  static constexpr std::array<Rule, 9> kInside = {
      {{"mid.block_1.", "mid_block.resnets.0."},
       {"mid.block_2.", "mid_block.resnets.1."},
       {"mid.attn_1.norm.", "mid_block.attentions.0.group_norm."},
       {"mid.attn_1.q.", "mid_block.attentions.0.to_q."},
       {"mid.attn_1.k.", "mid_block.attentions.0.to_k."},
       {"mid.attn_1.v.", "mid_block.attentions.0.to_v."},
       {"mid.attn_1.proj_out.", "mid_block.attentions.0.to_out.0."},
       {"norm_out.", "conv_norm_out."},
       {"nin_shortcut.", "conv_shortcut."}}};
  std::string_view rest = name;
  const bool encoder = take(rest, "encoder.");
  if (!encoder && !take(rest, "decoder.")) return name;
  const std::string half = encoder ? "encoder." : "decoder.";
  const std::string inside = half + replace_beginning(rest, kInside);
  const bool down = take(rest, "down.");
  if (!down && !take(rest, "up.")) return inside;
  const int64_t level = take_index(rest);
  if (level < 0) return name;
  // The original counts levels by their resolution on both sides; diffusers counts the decoder's as they run.
  const std::string stage =
      half +
      (down ? "down_blocks." + std::to_string(level) : "up_blocks." + std::to_string(levels - 1 - level)) +
      ".";
  if (take(rest, "downsample.")) return (stage + "downsamplers.0.").append(rest);
  if (take(rest, "upsample.")) return (stage + "upsamplers.0.").append(rest);
  const int64_t block = take(rest, "block.") ? take_index(rest) : -1;
  return block < 0 ? name
                   : stage + "resnets." + std::to_string(block) + "." + replace_beginning(rest, kInside);
}

}  // namespace

std::optional<LvdmParts> find_lvdm_parts(const Checkpoint& checkpoint) {
  LvdmParts parts;
  bool unet = false, vae = false, text = false;
  // Training frameworks put names of their own in front, so this searches instead of using a fixed list.
  for (const std::string& name : checkpoint.names()) {
    const size_t input = name.find("input_blocks."), coder = name.find("first_stage_model."),
                 tower = name.find("cond_stage_model.model.");
    if (input != std::string::npos && name.find(".temopral_conv.") != std::string::npos)
      parts.unet = name.substr(0, input), unet = true;
    if (coder != std::string::npos) parts.vae = name.substr(0, coder) + "first_stage_model.", vae = true;
    if (tower != std::string::npos)
      parts.text = name.substr(0, tower) + "cond_stage_model.model.", text = true;
  }
  if (!unet) return std::nullopt;
  if (!vae || !text) {
    throw std::runtime_error(
        "[" + checkpoint.path + "] holds a UNet of VideoCrafter2's kind but no " +
        (vae ? "text tower (cond_stage_model.model...)" : "autoencoder (first_stage_model...)") +
        "; fetch the complete checkpoint");
  }
  return parts;
}

void rename_lvdm_unet(Checkpoint& unet) {
  // The first block that only resizes ends the first level; a network of one level has none.
  int64_t per_level = 1;
  while (unet.has("input_blocks." + std::to_string(per_level + 1) + ".0.in_layers.0.weight")) ++per_level;
  unet.rename([per_level](const std::string& name) { return unet_name(name, per_level); });
}

bool is_original_autoencoder(const Checkpoint& vae) { return vae.has("encoder.down.0.block.0.norm1.weight"); }

void rename_original_autoencoder(Checkpoint& vae) {
  const int64_t levels = count_in_a_row(vae, "decoder.up.", ".block.0.norm1.weight");
  vae.rename([levels](const std::string& name) { return autoencoder_name(name, levels); });
}

int64_t count_in_a_row(const Checkpoint& checkpoint, const std::string& prefix, const std::string& suffix) {
  int64_t count = 0;
  while (checkpoint.has(prefix + std::to_string(count) + suffix)) ++count;
  return count;
}

int64_t dimension(const Checkpoint& checkpoint, const std::string& name, size_t axis) {
  if (!checkpoint.has(name)) {
    throw std::runtime_error("[" + checkpoint.path + "] has no tensor that means '" + name +
                             "'; is the checkpoint complete?");
  }
  const auto& shape = checkpoint.info(name).shape;
  if (axis >= shape.size() || shape[axis] < 1) {
    throw std::runtime_error("[" + checkpoint.path + "] '" + name + "' has no dimension " +
                             std::to_string(axis) + " of at least 1; fetch the file again");
  }
  return shape[axis];
}

}  // namespace reel::models
