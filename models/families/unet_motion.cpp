// UNets with motion modules: diffusers' UNetMotionModel, and UNet2DConditionModel joined with a
// MotionAdapter.
#include <algorithm>

#include "models/families/motion_adapter.h"
#include "models/families/unet_blocks.h"
#include "models/family.h"

namespace reel::models {
namespace {

/// A text config entry ("CrossAttnDownBlockMotion", "DownBlock2D", ...) says whether a level attends to the
/// text.
bool has_attention(const std::string& place, const std::string& type, const std::string& direction) {
  for (const char* suffix : {"Motion", "2D"}) {
    if (type == "CrossAttn" + direction + "Block" + suffix) return true;
    if (type == direction + "Block" + suffix) return false;
  }
  throw std::runtime_error("[" + place + "] the block type '" + type +
                           "' is not supported; supported are CrossAttn" + direction + "BlockMotion and " +
                           direction + "BlockMotion");
}

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

class UNetMotion : public Denoiser {
 public:
  UNetMotion(const Weights& weights, const Config& config, const MotionAdapterFacts& adapter) {
    const std::string& place = config.place();
    const auto down_types =
        config.texts("down_block_types", {"CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion",
                                          "CrossAttnDownBlockMotion", "DownBlockMotion"});
    const auto up_types = config.texts(
        "up_block_types",
        {"UpBlockMotion", "CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion"});
    const size_t levels = down_types.size();
    if (levels < 1 || levels > 16 || up_types.size() != levels) {
      throw std::runtime_error("[" + place +
                               "] down_block_types and up_block_types must have the same length, 1 to 16");
    }
    const auto channels = config.per_block("block_out_channels", levels, 0, kWidths);
    const bool merged = config.text("_class_name", "") == "UNetMotionModel";
    const Config& motion = merged ? config : adapter.config;
    const bool has_motion = merged || adapter.present;
    const std::string counts_key =
        merged || !adapter.present ? "layers_per_block" : "motion_layers_per_block";
    const auto counts =
        (merged || !adapter.present ? config : motion).per_block(counts_key, levels, 2, {1, 64});
    std::vector<int64_t> up_counts(counts.rbegin(), counts.rend());
    for (int64_t& count : up_counts) ++count;

    // In UNet2DConditionModel configurations `attention_head_dim` means the number of heads: the name came
    // first, and `num_attention_heads` wins where both are there. UNetMotionModel knows only the latter.
    const bool old_key = !merged && !config.has("num_attention_heads");
    const auto heads =
        config.per_block(old_key ? "attention_head_dim" : "num_attention_heads", levels, 8, kWidths);
    const auto context = config.per_block("cross_attention_dim", levels, 1280, kWidths);
    const auto motion_heads = motion.per_block("motion_num_attention_heads", levels, 8, kWidths);
    const int64_t max_frames = motion.bounded("motion_max_seq_length", 32, 1, 1 << 16);
    const std::string motion_layers_key =
        merged ? "temporal_transformer_layers_per_block" : "motion_transformer_layers_per_block";
    const auto layers = config.per_layer("transformer_layers_per_block", counts, 1, kDepths);
    const auto motion_layers = motion.per_layer(motion_layers_key, counts, 1, kDepths);
    const auto up_spatial = up_layers(config, "transformer_layers_per_block",
                                      "reverse_transformer_layers_per_block", counts, up_counts);
    const auto up_motion = up_layers(motion, motion_layers_key,
                                     "reverse_temporal_transformer_layers_per_block", counts, up_counts);

    width_ = channels[0];
    const int64_t out_channels = config.bounded("out_channels", 4, 1, 4096), time_width = 4 * width_;
    activation_ = parse_activation(place, config.text("act_fn", "silu"));
    UNetLevel::Options level{.time_width = time_width,
                             .norm_groups = config.bounded("norm_num_groups", 32, 1, 1 << 16),
                             .eps = config.number("norm_eps", 1e-5),
                             .activation = activation_,
                             .motion = has_motion,
                             .max_frames = max_frames};
    const auto configure = [&](size_t i, bool attention) {
      level.attention = attention, level.out = channels[i], level.heads = heads[i],
      level.context = context[i];
      level.motion_heads = motion_heads[i];
    };

    const int64_t own_channels = config.bounded("in_channels", 4, 1, 4096);
    in_channels_ = own_channels;
    conv_in_ = Conv2d::load(weights.scope("conv_in"), own_channels, width_);
    if (adapter.conv_in_channels > own_channels) {
      // PIA adapters bring an input convolution of their own, of which the channels beyond the UNet's are
      // used.
      in_channels_ = adapter.conv_in_channels;
      const at::Tensor more = weights.get("adapter_conv_in.weight", {width_, in_channels_, 3, 3});
      weights.get("adapter_conv_in.bias", {width_});
      conv_in_.weight =
          at::cat({conv_in_.weight, more.narrow(1, own_channels, in_channels_ - own_channels)}, 1)
              .contiguous(at::MemoryFormat::ChannelsLast);
    }
    time_in_ = Linear::load(weights.scope("time_embedding.linear_1"), width_, time_width);
    time_out_ = Linear::load(weights.scope("time_embedding.linear_2"), time_width, time_width);
    if (config.has("time_cond_proj_dim")) {
      time_condition_ =
          Linear::load(weights.scope("time_embedding.cond_proj"),
                       config.bounded("time_cond_proj_dim", 0, 1, 1 << 16), width_, /*with_bias=*/false);
    }
    if (config.text("addition_embed_type", "") == "text_time") {
      const int64_t added = config.bounded("projection_class_embeddings_input_dim", 0, 1, 1 << 20);
      add_time_width_ = config.bounded("addition_time_embed_dim", 0, 1, 1 << 16);
      add_in_ = Linear::load(weights.scope("add_embedding.linear_1"), added, time_width);
      add_out_ = Linear::load(weights.scope("add_embedding.linear_2"), time_width, time_width);
    }

    const int64_t padding = config.bounded("downsample_padding", 1, 0, 1);
    int64_t previous = width_;
    std::vector<int64_t> skips = {width_};  // channels of the skip connections, in order of appearance
    for (size_t i = 0; i < levels; ++i) {
      const Weights block = weights.scope("down_blocks").scope(std::to_string(i));
      configure(i, has_attention(place, down_types[i], "Down"));
      level.layers = layers[i], level.motion_layers = motion_layers[i];
      level.in.assign(static_cast<size_t>(counts[i]), channels[i]);
      level.in.front() = previous;
      down_.emplace_back(block, sites_, level);
      skips.insert(skips.end(), static_cast<size_t>(counts[i]), channels[i]);
      if (i + 1 < levels) {
        down_.back().downsample =
            Conv2d::load(block.scope("downsamplers.0.conv"), channels[i], channels[i], 3, 2, padding);
        skips.push_back(channels[i]);
      }
      previous = channels[i];
    }

    const size_t last = levels - 1;
    const int64_t middle_count = config.bounded("mid_block_layers", 1, 1, 64);
    const std::string middle_motion_key =
        merged ? "temporal_transformer_layers_per_mid_block" : "motion_transformer_layers_per_mid_block";
    // Without a key of its own the middle follows the last level, if that has one number for all its layers.
    const int64_t middle_default = std::adjacent_find(layers[last].begin(), layers[last].end(),
                                                      std::not_equal_to<>()) == layers[last].end()
                                       ? layers[last].front()
                                       : 1;
    middle_.emplace(
        weights.scope("mid_block"), sites_,
        UNetMiddle::Options{
            .channels = channels[last],
            .time_width = time_width,
            .norm_groups = level.norm_groups,
            .context = context[last],
            .heads = heads[last],
            .layers = middle_count,
            .eps = level.eps,
            .output_scale = config.number("mid_block_scale_factor", 1),
            .activation = activation_,
            .transformer_layers = config.per_block("transformer_layers_per_mid_block", size_t(middle_count),
                                                   middle_default, kDepths),
            .motion_layers = motion.per_block(middle_motion_key, size_t(middle_count), 1, kDepths),
            .motion = has_motion && motion.flag("use_motion_mid_block", true),
            .motion_heads = motion_heads[last],
            .max_frames = max_frames});

    for (size_t i = 0; i < levels; ++i) {
      const size_t mirror = last - i;
      const Weights block = weights.scope("up_blocks").scope(std::to_string(i));
      configure(mirror, has_attention(place, up_types[i], "Up"));
      level.layers = up_spatial[i], level.motion_layers = up_motion[i];
      level.in.clear();
      for (int64_t j = 0; j < up_counts[i]; ++j) {
        level.in.push_back((j == 0 ? previous : channels[mirror]) + skips.back());
        skips.pop_back();
      }
      up_.emplace_back(block, sites_, level);
      if (i + 1 < levels)
        up_.back().upsample =
            Conv2d::load(block.scope("upsamplers.0.conv"), channels[mirror], channels[mirror]);
      previous = channels[mirror];
    }
    norm_out_ = GroupNorm::load(weights.scope("conv_norm_out"), width_, level.norm_groups, level.eps);
    conv_out_ = Conv2d::load(weights.scope("conv_out"), width_, out_channels);
    site_list_ = sites_.list();
  }

  const std::vector<attention::Site>& sites() const override { return site_list_; }

  at::Tensor predict(const at::Tensor& latent, const Step& step, const Conditioning& given,
                     attention::Processor& attend) override {
    if (latent.dim() != 5 || latent.size(1) != in_channels_) {
      throw std::invalid_argument("[model] a latent must be [rows, " + std::to_string(in_channels_) +
                                  ", frames, height, width], got " + c10::str(latent.sizes()));
    }
    const auto dtype = conv_in_.weight.scalar_type();
    const int64_t rows = latent.size(0), frames = latent.size(2);
    Conditioning condition = given;
    condition.context = given.context.to(dtype);
    const Pass pass{step, condition, attend};
    const at::Tensor time = activate(activation_, embed_time(step, given, latent, dtype));

    // [R, C, F, H, W] -> channels-last [R, F, H, W, C]: the one change of layout on the way in.
    const auto image = [&](const Conv2d& conv, const at::Tensor& x) {
      const at::Tensor y = conv(x.flatten(0, 1));
      return y.view({rows, frames, y.size(1), y.size(2), y.size(3)});
    };
    at::Tensor x = image(conv_in_, latent.to(dtype).permute({0, 2, 3, 4, 1}).contiguous());
    std::vector<at::Tensor> skips = {x};
    for (const UNetLevel& level : down_) {
      for (size_t i = 0; i < level.resnets.size(); ++i) skips.push_back(x = level.run(i, x, time, pass));
      if (!level.downsample) continue;
      // Padding 0 means "one row below and one column to the right", as the reference pads by hand.
      if (level.downsample->padding == 0) x = at::constant_pad_nd(x, {0, 0, 0, 1, 0, 1});
      skips.push_back(x = image(*level.downsample, x));
    }
    x = (*middle_)(x, time, pass);
    for (const UNetLevel& level : up_) {
      for (size_t i = 0; i < level.resnets.size(); ++i) {
        x = level.run(i, at::cat({x, skips.back()}, -1), time, pass);
        skips.pop_back();
      }
      if (!level.upsample) continue;
      const at::Tensor& next = skips.back();  // its size decides: odd sizes were rounded up on the way down
      const at::Tensor larger = upsample_nearest(x.flatten(0, 1), next.size(2), next.size(3));
      x = image(*level.upsample, larger.view({rows, frames, next.size(2), next.size(3), x.size(4)}));
    }
    const at::Tensor out = conv_out_(activate_norm(x.flatten(0, 1)));
    return out.view({rows, frames, out.size(1), out.size(2), out.size(3)})
        .permute({0, 4, 1, 2, 3})
        .to(at::kFloat)
        .contiguous();
  }

 private:
  at::Tensor activate_norm(const at::Tensor& x) const {
    return activation_ == Activation::kSilu ? norm_out_.silu(x)
                                            : at::silu(norm_out_(x));  // conv_act is always SiLU
  }

  at::Tensor embed_time(const Step& step, const Conditioning& condition, const at::Tensor& latent,
                        at::ScalarType dtype) const {
    const int64_t rows = latent.size(0);
    const auto options = at::TensorOptions(at::kFloat).device(latent.device());
    const at::Tensor timesteps = condition.timesteps.defined() ? condition.timesteps.to(options)
                                                               : at::full({rows}, step.timestep, options);
    at::Tensor sinusoids = timestep_embedding(timesteps, width_).to(dtype);
    if (condition.guidance.defined() && time_condition_.weight.defined()) {
      sinusoids.add_(time_condition_(condition.guidance.to(dtype)));
    }
    const at::Tensor time = time_out_(activate(activation_, time_in_(sinusoids)));
    if (!add_in_.weight.defined()) return time;
    if (!condition.pooled.defined() || !condition.time_ids.defined()) {
      throw std::invalid_argument(
          "[model] it wants pooled text embeddings and time ids (an SDXL-like network), got none");
    }
    const at::Tensor ids = timestep_embedding(condition.time_ids.flatten(), add_time_width_).view({rows, -1});
    const at::Tensor added = at::cat({condition.pooled.to(dtype), ids.to(dtype)}, 1);
    return time + add_out_(at::silu(add_in_(added)));
  }

  SiteList sites_;
  std::vector<attention::Site> site_list_;
  int64_t in_channels_ = 4, width_ = 0, add_time_width_ = 0;
  Activation activation_ = Activation::kSilu;
  Conv2d conv_in_, conv_out_;
  Linear time_in_, time_out_, time_condition_, add_in_, add_out_;
  std::vector<UNetLevel> down_, up_;
  std::optional<UNetMiddle> middle_;
  GroupNorm norm_out_;
};

std::unique_ptr<Denoiser> load(const ComponentFiles& files, const LoadOptions& options) {
  Checkpoint checkpoint = Checkpoint::open(files.folder);
  const MotionAdapterFacts adapter = join_motion_adapter(checkpoint, files.adapter);
  return build_checked(checkpoint, options, [&](const Weights& weights) -> std::unique_ptr<Denoiser> {
    return std::make_unique<UNetMotion>(weights, files.config, adapter);
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
