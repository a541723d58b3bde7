// UNet3DConditionModel: the UNet of ModelScope's text-to-video model and of ZeroScope, with convolutions
// along time behind each resnet and a temporal transformer behind each spatial one.
#include "models/family.h"
#include "models/layers/activation.h"
#include "models/layers/conv.h"
#include "models/unet/unet.h"

namespace reel::models {
namespace {

constexpr int64_t kFirstHeads = 8;  // of the transformer behind the first convolution, at any width

UNetOptions read_options(const Config& config) {
  const std::string& place = config.place();
  const BlockTypes types = read_block_types(config, {"3D"});
  const size_t levels = types.levels();
  const auto channels = config.per_block("block_out_channels", levels, 0, {1, 1 << 16});
  if (config.has("num_attention_heads")) {
    throw std::runtime_error("[" + place +
                             "] 'num_attention_heads' must be null, which is all that UNet3DConditionModel "
                             "takes; the width of a head is 'attention_head_dim'");
  }
  // Unlike in UNet2DConditionModel, attention_head_dim is what it says: the class passes it on as a number of
  // heads, and its blocks swap the two again.
  const int64_t head = config.bounded("attention_head_dim", 64, 1, 1 << 16);
  const int64_t context = config.bounded("cross_attention_dim", 1024, 1, 1 << 16);
  const int64_t resnets = config.bounded("layers_per_block", 2, 1, 64);

  UNetOptions options;
  options.out_channels = config.bounded("out_channels", 4, 1, 4096);
  options.downsample_padding = config.bounded("downsample_padding", 1, 0, 1);
  options.resnets.assign(levels, resnets);
  if (config.has("time_cond_proj_dim"))
    options.time.guidance_width = config.bounded("time_cond_proj_dim", 0, 1, 1 << 16);
  options.style = {.time_width = 4 * channels[0],
                   .norm_groups = config.bounded("norm_num_groups", 32, 1, 1 << 16),
                   .eps = config.number("norm_eps", 1e-5),
                   .activation = parse_activation(place, config.text("act_fn", "silu")),
                   .temporal_name = "temp_attentions",
                   .temporal_convs = true};
  options.first = TemporalTransformer::Options{.channels = channels[0],
                                               .heads = kFirstHeads,
                                               .layers = 1,
                                               .norm_groups = options.style.norm_groups,
                                               .inner = kFirstHeads * head};
  const auto stage = [&](size_t level, bool attention, int64_t count) {
    const int64_t heads = channels[level] / head;
    if (attention && heads == 0) {
      throw std::runtime_error("[" + place + "] 'attention_head_dim' must be at most the " +
                               std::to_string(channels[level]) + " channels of its level, got " +
                               std::to_string(head) + "; check it and block_out_channels");
    }
    return UNetStage::Options{.out = channels[level],
                              .spatial = attention,
                              .temporal = attention,
                              .heads = heads,
                              .temporal_heads = heads,
                              .context = context,
                              .inner = heads * head,
                              .layers = std::vector<int64_t>(size_t(count), 1),
                              .temporal_layers = std::vector<int64_t>(size_t(count), 1)};
  };
  for (size_t i = 0; i < levels; ++i) {
    options.down.push_back(stage(i, types.down[i], resnets));
    options.up.push_back(stage(levels - 1 - i, types.up[i], resnets + 1));
  }
  options.middle = stage(levels - 1, true, 1);
  options.middle.output_scale = config.number("mid_block_scale_factor", 1);
  return options;
}

std::unique_ptr<Denoiser> load(const ComponentFiles& files, const LoadOptions& options) {
  const Checkpoint checkpoint = Checkpoint::open(files.folder);
  return build_checked(
      checkpoint, for_two_halves(options), [&](const Weights& weights) -> std::unique_ptr<Denoiser> {
        UNetOptions unet = read_options(files.config);
        const int64_t channels = files.config.bounded("in_channels", 4, 1, 4096);
        Conv2d conv_in = Conv2d::load(weights.scope("conv_in"), channels, unet.down.front().out);
        return std::make_unique<UNet>(weights, std::move(conv_in), std::move(unet));
      });
}

}  // namespace

void register_unet_3d(FamilyRegistry& registry) {
  FamilyEntry entry;
  entry.spec = {
      "unet_3d", "UNet with convolutions and attention along time (ModelScope, ZeroScope)",
      "diffusers UNet3DConditionModel; Wang et al., ModelScope Text-to-Video Technical Report, 2023"};
  entry.class_names = {"UNet3DConditionModel"};
  entry.denoiser = load;
  registry.add(std::move(entry));
}

}  // namespace reel::models
