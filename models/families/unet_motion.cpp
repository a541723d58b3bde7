// UNets with motion modules: diffusers' UNetMotionModel, and UNet2DConditionModel joined with a
// MotionAdapter.
#include <algorithm>

#include "models/family.h"
#include "models/layers/activation.h"
#include "models/layers/conv.h"
#include "models/unet/motion_adapter.h"
#include "models/unet/unet.h"

namespace reel::models {
namespace {

std::vector<std::vector<int64_t>> reversed(std::vector<std::vector<int64_t>> lists) {
  std::reverse(lists.begin(), lists.end());
  return lists;
}

constexpr Config::Bounds kWidths{1, 1 << 16}, kDepths{0, 256};

/// Transformer layers behind each resnet of the up blocks. Without a key of its own, the up path mirrors the
/// down path: each level's count, for one resnet more.
std::vector<std::vector<int64_t>> up_layers(const Config& config, const std::string& key,
                                            const std::string& reverse_key,
                                            const std::vector<int64_t>& lengths,
                                            const std::vector<int64_t>& up_lengths) {
  if (config.has(reverse_key)) return config.per_layer(reverse_key, up_lengths, 1, kDepths);
  auto layers = reversed(config.per_layer(key, lengths, 1, kDepths));
  for (size_t i = 0; i < layers.size(); ++i)
    layers[i].resize(static_cast<size_t>(up_lengths[i]), layers[i].front());
  return layers;
}

/// PIA adapters bring an input convolution of their own, of which the channels beyond the UNet's are used.
Conv2d load_conv_in(const Weights& weights, int64_t own, int64_t width, int64_t adapter_channels) {
  if (adapter_channels <= own) return Conv2d::load(weights.scope("conv_in"), own, width);
  Conv2d conv{.rows_at_once = weights.options().rows_at_once};
  const at::Tensor first = weights.get("conv_in.weight", {width, own, 3, 3});
  const at::Tensor more = weights.get("adapter_conv_in.weight", {width, adapter_channels, 3, 3});
  weights.get("adapter_conv_in.bias", {width});
  conv.weight = weights.place(at::cat({first, more.narrow(1, own, adapter_channels - own)}, 1)
                                  .contiguous(at::MemoryFormat::ChannelsLast));
  conv.bias = weights.place(weights.get("conv_in.bias", {width}));
  return conv;
}

TimeEmbedding::Options read_time(const Config& config) {
  TimeEmbedding::Options time;
  if (config.has("time_cond_proj_dim"))
    time.guidance_width = config.bounded("time_cond_proj_dim", 0, 1, 1 << 16);
  if (config.text("addition_embed_type", "") == "text_time") {
    time.added_width = config.bounded("projection_class_embeddings_input_dim", 0, 1, 1 << 20);
    time.added_id_width = config.bounded("addition_time_embed_dim", 0, 1, 1 << 16);
  }
  return time;
}

/// The middle stage, like the last level's in widths and heads.
UNetStage::Options read_middle(const Config& config, const Config& motion, bool merged,
                               const std::vector<int64_t>& last_layers, UNetStage::Options last) {
  const auto count = static_cast<size_t>(config.bounded("mid_block_layers", 1, 1, 64));
  const std::string motion_key =
      merged ? "temporal_transformer_layers_per_mid_block" : "motion_transformer_layers_per_mid_block";
  // Without a key of its own the middle follows the last level, if that has one number for all its layers.
  const bool same =
      std::adjacent_find(last_layers.begin(), last_layers.end(), std::not_equal_to<>()) == last_layers.end();
  last.output_scale = config.number("mid_block_scale_factor", 1);
  last.spatial = true;
  last.temporal = last.temporal && motion.flag("use_motion_mid_block", true);
  last.layers =
      config.per_block("transformer_layers_per_mid_block", count, same ? last_layers.front() : 1, kDepths);
  last.temporal_layers = motion.per_block(motion_key, count, 1, kDepths);
  return last;
}

UNetOptions read_options(const Config& config, const MotionAdapterFacts& adapter) {
  const BlockTypes types = read_block_types(config, {"Motion", "2D"});
  const size_t levels = types.levels();
  const auto channels = config.per_block("block_out_channels", levels, 0, kWidths);
  const bool merged = config.text("_class_name", "") == "UNetMotionModel";
  const bool apart = !merged && adapter.present;
  const Config& motion = merged ? config : adapter.config;
  const auto counts =
      (apart ? motion : config)
          .per_block(apart ? "motion_layers_per_block" : "layers_per_block", levels, 2, {1, 64});
  std::vector<int64_t> up_counts(counts.rbegin(), counts.rend());
  for (int64_t& count : up_counts) ++count;

  // In UNet2DConditionModel configurations `attention_head_dim` means the number of heads: the name came
  // first, and `num_attention_heads` wins where both are there. UNetMotionModel knows only the latter.
  const bool old_key = !merged && !config.has("num_attention_heads");
  const auto heads =
      config.per_block(old_key ? "attention_head_dim" : "num_attention_heads", levels, 8, kWidths);
  const auto context = config.per_block("cross_attention_dim", levels, 1280, kWidths);
  const auto motion_heads = motion.per_block("motion_num_attention_heads", levels, 8, kWidths);
  const std::string motion_layers_key =
      merged ? "temporal_transformer_layers_per_block" : "motion_transformer_layers_per_block";
  const auto layers = config.per_layer("transformer_layers_per_block", counts, 1, kDepths);
  const auto motion_layers = motion.per_layer(motion_layers_key, counts, 1, kDepths);
  const auto up_spatial = up_layers(config, "transformer_layers_per_block",
                                    "reverse_transformer_layers_per_block", counts, up_counts);
  const auto up_motion = up_layers(motion, motion_layers_key, "reverse_temporal_transformer_layers_per_block",
                                   counts, up_counts);

  UNetOptions options;
  options.out_channels = config.bounded("out_channels", 4, 1, 4096);
  options.downsample_padding = config.bounded("downsample_padding", 1, 0, 1);
  options.resnets = counts;
  options.time = read_time(config);
  options.style = {.time_width = 4 * channels[0],
                   .norm_groups = config.bounded("norm_num_groups", 32, 1, 1 << 16),
                   .eps = config.number("norm_eps", 1e-5),
                   .activation = parse_activation(config.place(), config.text("act_fn", "silu")),
                   .max_frames = motion.bounded("motion_max_seq_length", 32, 1, 1 << 16)};
  const auto stage = [&](size_t level, bool spatial, const auto& own, const auto& temporal) {
    return UNetStage::Options{.out = channels[level],
                              .spatial = spatial,
                              .temporal = merged || adapter.present,
                              .heads = heads[level],
                              .temporal_heads = motion_heads[level],
                              .context = context[level],
                              .layers = own,
                              .temporal_layers = temporal};
  };
  for (size_t i = 0; i < levels; ++i) {
    options.down.push_back(stage(i, types.down[i], layers[i], motion_layers[i]));
    options.up.push_back(stage(levels - 1 - i, types.up[i], up_spatial[i], up_motion[i]));
  }
  options.middle = read_middle(config, motion, merged, layers.back(), options.down.back());
  return options;
}

std::unique_ptr<Denoiser> load(const ComponentFiles& files, const LoadOptions& options) {
  Checkpoint checkpoint = Checkpoint::open(files.folder);
  const MotionAdapterFacts adapter = join_motion_adapter(checkpoint, files.adapter);
  return build_checked(
      checkpoint, for_two_halves(options), [&](const Weights& weights) -> std::unique_ptr<Denoiser> {
        UNetOptions unet = read_options(files.config, adapter);
        const int64_t channels = files.config.bounded("in_channels", 4, 1, 4096);
        Conv2d conv_in = load_conv_in(weights, channels, unet.down.front().out, adapter.conv_in_channels);
        return std::make_unique<UNet>(weights, std::move(conv_in), std::move(unet));
      });
}

}  // namespace

void register_unet_motion(FamilyRegistry& registry) {
  FamilyEntry entry;
  entry.spec = {"unet_motion", "UNet with motion modules (AnimateDiff)",
                "diffusers UNetMotionModel; Guo et al., AnimateDiff, 2023"};
  entry.class_names = {"UNetMotionModel", "UNet2DConditionModel"};
  entry.denoiser = load;
  registry.add(std::move(entry));
}

}  // namespace reel::models
