// AutoencoderKL: the image autoencoder of Stable Diffusion, which treats the frames of a video alike.
#include <optional>

#include "attention/processor.h"
#include "models/family.h"
#include "models/layers/activation.h"
#include "models/layers/conv.h"
#include "models/layers/linear.h"
#include "models/layers/norm.h"
#include "models/layers/resnet.h"
#include "models/layers/site_list.h"
#include "models/layers/upsample.h"
#include "models/layers/vae_tiling.h"
#include "models/layouts/lvdm_layout.h"

namespace reel::models {
namespace {

constexpr double kEps = 1e-6;

struct VaeOptions {
  std::vector<int64_t> channels;
  int64_t layers, norm_groups;
  LatentShape latent;
  Activation activation;
  bool middle_attention;

  ResnetBlock::Options resnet(int64_t in, int64_t out) const {
    return {.in = in, .out = out, .norm_groups = norm_groups, .eps = kEps, .activation = activation};
  }
};

/// Self-attention over the places of a picture, one head as wide as the map. x [N, H, W, C].
class MiddleAttention {
 public:
  MiddleAttention(const Weights& weights, SiteList& sites, int64_t channels, int64_t groups)
      : site_(sites.add(site_path(weights), attention::SiteKind::kAutoencoder, 1)),
        norm_(GroupNorm::load(weights.scope("group_norm"), channels, groups, kEps)),
        qkv_(Linear::load_fused(weights, {"to_q", "to_k", "to_v"}, channels, {channels, channels, channels},
                                true)),
        out_(Linear::load_pointwise(weights.scope("to_out.0"), channels, channels)) {}

  at::Tensor operator()(const at::Tensor& x, attention::Processor& attend) const {
    const int64_t channels = x.size(3);
    const at::Tensor qkv = qkv_(norm_(x).flatten(1, 2)).unsqueeze(1).unsqueeze(1);  // [N, 1, 1, P, 3C]
    const Step step;
    attention::Call call{.site = site_, .step = step, .tokens = {0, 1, x.size(1), x.size(2)}};
    call.q = qkv.narrow(-1, 0, channels);
    call.k = qkv.narrow(-1, channels, channels);
    call.v = qkv.narrow(-1, 2 * channels, channels);
    return out_(attend.attend(std::move(call)).reshape({x.size(0), -1, channels})).view(x.sizes()).add_(x);
  }

 private:
  const attention::Site& site_;
  GroupNorm norm_;
  Linear qkv_, out_;
};

/// Two resnets around an optional attention.
class Middle {
 public:
  Middle(const Weights& weights, SiteList& sites, int64_t channels, const VaeOptions& options)
      : first_(weights.scope("resnets.0"), options.resnet(channels, channels)),
        second_(weights.scope("resnets.1"), options.resnet(channels, channels)) {
    if (options.middle_attention)
      attention_.emplace(weights.scope("attentions.0"), sites, channels, options.norm_groups);
  }
  at::Tensor operator()(at::Tensor x, attention::Processor& attend) const {
    x = first_(x.unsqueeze(1)).squeeze(1);
    if (attention_) x = (*attention_)(x, attend);
    return second_(x.unsqueeze(1)).squeeze(1);
  }

 private:
  ResnetBlock first_, second_;
  std::optional<MiddleAttention> attention_;
};

struct Level {
  std::vector<ResnetBlock> resnets;
  std::optional<Conv2d> downsample;      // of the encoder
  std::optional<UpsampleConv> upsample;  // of the decoder

  at::Tensor operator()(at::Tensor x) const {
    for (const ResnetBlock& resnet : resnets) x = resnet(x.unsqueeze(1)).squeeze(1);
    return x;
  }
};

class AutoencoderKl : public Vae {
 public:
  AutoencoderKl(const Weights& weights, const Config& config, const VaeOptions& options)
      : latent_(options.latent),
        scale_(config.number("scaling_factor", 0.18215)),
        shift_(config.number("shift_factor", 0)),
        activation_(options.activation) {
    const auto& channels = options.channels;
    const int64_t first = channels.front(), last = channels.back(), moments = 2 * latent_.channels;
    const size_t levels = channels.size();
    const int64_t in = config.bounded("in_channels", 3, 3, 3), out = config.bounded("out_channels", 3, 3, 3);

    const Weights encoder = weights.scope("encoder");
    encoder_in_ = Conv2d::load(encoder.scope("conv_in"), in, first);
    for (size_t i = 0; i < levels; ++i) {
      const Weights block = encoder.scope("down_blocks").scope(std::to_string(i));
      Level level;
      for (int64_t j = 0; j < options.layers; ++j) {
        const int64_t from = j > 0 ? channels[i] : channels[i > 0 ? i - 1 : 0];
        level.resnets.emplace_back(block.scope("resnets").scope(std::to_string(j)),
                                   options.resnet(from, channels[i]));
      }
      if (i + 1 < levels)
        level.downsample =
            Conv2d::load(block.scope("downsamplers.0.conv"), channels[i], channels[i], 3, 2, 0);
      encoder_levels_.push_back(std::move(level));
    }
    encoder_middle_.emplace(encoder.scope("mid_block"), sites_, last, options);
    encoder_norm_ = GroupNorm::load(encoder.scope("conv_norm_out"), last, options.norm_groups, kEps);
    encoder_out_ = Conv2d::load(encoder.scope("conv_out"), last, moments);
    if (config.flag("use_quant_conv", true))
      quant_ = Conv2d::load(weights.scope("quant_conv"), moments, moments, 1, 1, 0);

    const Weights decoder = weights.scope("decoder");
    if (config.flag("use_post_quant_conv", true)) {
      post_quant_ =
          Conv2d::load(weights.scope("post_quant_conv"), latent_.channels, latent_.channels, 1, 1, 0);
    }
    decoder_in_ = Conv2d::load(decoder.scope("conv_in"), latent_.channels, last);
    decoder_middle_.emplace(decoder.scope("mid_block"), sites_, last, options);
    int64_t previous = last;
    for (size_t i = 0; i < levels; ++i) {
      const Weights block = decoder.scope("up_blocks").scope(std::to_string(i));
      const int64_t width = channels[levels - 1 - i];
      Level level;
      for (int64_t j = 0; j <= options.layers; ++j) {
        level.resnets.emplace_back(block.scope("resnets").scope(std::to_string(j)),
                                   options.resnet(j > 0 ? width : previous, width));
      }
      if (i + 1 < levels) level.upsample = UpsampleConv::load(block.scope("upsamplers.0.conv"), width, width);
      decoder_levels_.push_back(std::move(level));
      previous = width;
    }
    decoder_norm_ = GroupNorm::load(decoder.scope("conv_norm_out"), first, options.norm_groups, kEps);
    decoder_out_ = Conv2d::load(decoder.scope("conv_out"), first, out);
  }

  std::vector<attention::Site> sites() const override { return sites_.list(); }
  LatentShape latent_shape() const override { return latent_; }
  at::ScalarType dtype() const override { return decoder_in_.weight.scalar_type(); }

  at::Tensor encode(const at::Tensor& frames, attention::Processor* attend) const override {
    if (frames.dim() != 5 || frames.size(1) != 3 || frames.size(3) % latent_.factor ||
        frames.size(4) % latent_.factor) {
      throw std::invalid_argument(
          "[vae] frames must be [batch, 3, frames, height, width] with sides divisible by " +
          std::to_string(latent_.factor) + ", got " + c10::str(frames.sizes()));
    }
    const at::Tensor images =
        frames.permute({0, 2, 3, 4, 1}).flatten(0, 1).to(encoder_in_.weight.scalar_type()).contiguous();
    attention::Processor unedited;
    const at::Tensor mean =
        moments(images, attend ? *attend : unedited).narrow(-1, 0, latent_.channels).to(at::kFloat);
    return (mean.unflatten(0, {frames.size(0), frames.size(2)}).permute({0, 4, 1, 2, 3}) - shift_)
        .mul_(scale_)
        .contiguous();
  }

  at::Tensor decode(const at::Tensor& latents, const VaeTiling& tiling,
                    const std::function<void(int64_t, int64_t)>& progress,
                    attention::Processor* attend) const override {
    if (latents.dim() != 5 || latents.size(1) != latent_.channels) {
      throw std::invalid_argument("[vae] latents must be [batch, " + std::to_string(latent_.channels) +
                                  ", frames, height, width], got " + c10::str(latents.sizes()));
    }
    const at::Tensor images =
        (latents.to(at::kFloat) / scale_ + shift_).permute({0, 2, 3, 4, 1}).flatten(0, 1);
    attention::Processor unedited;
    attention::Processor& door = attend ? *attend : unedited;
    const at::Tensor decoded =
        decode_tiled(images, latent_.factor, tiling, progress,
                     [&](const at::Tensor& tile) { return decode_images(tile, door); });
    return decoded.unflatten(0, {latents.size(0), latents.size(2)}).permute({0, 4, 1, 2, 3});
  }

 private:
  at::Tensor finish(const GroupNorm& norm, const Conv2d& conv, const at::Tensor& x) const {
    return conv(norm.silu(x));  // conv_act is SiLU whatever act_fn says
  }

  /// Pictures [N, H, W, 3] -> means and log variances [N, h, w, 2 C].
  at::Tensor moments(const at::Tensor& images, attention::Processor& attend) const {
    at::Tensor x = encoder_in_(images);
    for (const Level& level : encoder_levels_) {
      x = level(x);
      // The reference pads one row below and one column to the right before its strided convolution.
      if (level.downsample) x = (*level.downsample)(at::constant_pad_nd(x, {0, 0, 0, 1, 0, 1}));
    }
    x = finish(encoder_norm_, encoder_out_, (*encoder_middle_)(x, attend));
    return quant_ ? (*quant_)(x) : x;
  }

  /// Latents [N, h, w, C] f32 -> pictures [N, H, W, 3] f32.
  at::Tensor decode_images(const at::Tensor& latents, attention::Processor& attend) const {
    at::Tensor x = latents.to(decoder_in_.weight.scalar_type()).contiguous();
    if (post_quant_) x = (*post_quant_)(x);
    x = (*decoder_middle_)(decoder_in_(x), attend);
    for (const Level& level : decoder_levels_) {
      x = level(x);
      if (level.upsample) x = (*level.upsample)(x, 2 * x.size(1), 2 * x.size(2));
    }
    return finish(decoder_norm_, decoder_out_, x).to(at::kFloat);
  }

  SiteList sites_;
  LatentShape latent_;
  double scale_, shift_;
  Activation activation_;
  Conv2d encoder_in_, encoder_out_, decoder_in_, decoder_out_;
  std::optional<Conv2d> quant_, post_quant_;
  std::vector<Level> encoder_levels_, decoder_levels_;
  std::optional<Middle> encoder_middle_, decoder_middle_;
  GroupNorm encoder_norm_, decoder_norm_;
};

VaeOptions read_options(const Config& config) {
  VaeOptions options;
  options.channels = config.integers("block_out_channels", {64});
  options.layers = config.bounded("layers_per_block", 1, 1, 64);
  options.norm_groups = config.bounded("norm_num_groups", 32, 1, 1 << 16);
  options.latent = LatentShape::of_image_vae(config);
  if (config.number("scaling_factor", 0.18215) == 0) {
    throw std::runtime_error("[" + config.place() + "] 'scaling_factor' must not be 0; fetch the file again");
  }
  options.activation = parse_activation(config.place(), config.text("act_fn", "silu"));
  options.middle_attention = config.flag("mid_block_add_attention", true);
  if (options.channels.empty() || options.channels.size() > 8 ||
      std::any_of(options.channels.begin(), options.channels.end(),
                  [](int64_t c) { return c < 1 || c > (1 << 16); })) {
    throw std::runtime_error("[" + config.place() +
                             "] 'block_out_channels' must list 1 to 8 channel counts from 1 up");
  }
  for (const auto& [key, type] :
       {std::pair{"down_block_types", "DownEncoderBlock2D"}, {"up_block_types", "UpDecoderBlock2D"}}) {
    const auto types = config.texts(key, std::vector<std::string>(options.channels.size(), type));
    if (types.size() != options.channels.size() ||
        std::any_of(types.begin(), types.end(), [&](const auto& t) { return t != type; })) {
      throw std::runtime_error("[" + config.place() + "] '" + key + "' must list " +
                               std::to_string(options.channels.size()) + " times " + type +
                               ", the one type that is supported");
    }
  }
  return options;
}

std::unique_ptr<Vae> load(const ComponentFiles& files, const LoadOptions& options) {
  Checkpoint checkpoint = open_checkpoint(files);
  if (is_original_autoencoder(checkpoint)) rename_original_autoencoder(checkpoint);
  // Files older than 2023 name the attention's projections differently.
  checkpoint.rename([](const std::string& name) {
    for (const auto& [old_name, new_name] : {std::pair{".query.", ".to_q."},
                                             {".key.", ".to_k."},
                                             {".value.", ".to_v."},
                                             {".proj_attn.", ".to_out.0."}}) {
      const size_t at = name.find(old_name);
      if (at != std::string::npos && name.find(".attentions.") != std::string::npos) {
        return name.substr(0, at) + new_name + name.substr(at + std::strlen(old_name));
      }
    }
    return name;
  });
  const VaeOptions vae = read_options(files.config);
  return build_checked(checkpoint, options, [&](const Weights& weights) -> std::unique_ptr<Vae> {
    return std::make_unique<AutoencoderKl>(weights, files.config, vae);
  });
}

}  // namespace

void register_autoencoder_kl(FamilyRegistry& registry) {
  FamilyEntry entry;
  entry.spec = {"autoencoder_kl", "Image autoencoder of Stable Diffusion",
                "diffusers AutoencoderKL; Rombach et al., Latent Diffusion, 2022"};
  entry.class_names = {"AutoencoderKL"};
  entry.vae = load;
  registry.add(std::move(entry));
}

}  // namespace reel::models
