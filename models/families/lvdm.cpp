// lvdm's UNetModel, the UNet of VideoCrafter2: the network of UNet3DConditionModel under other names, with
// the frame rate as a further condition. Its sizes follow from the shapes of its tensors.
#include "models/family.h"
#include "models/layers/conv.h"
#include "models/layouts/lvdm_layout.h"
#include "models/unet/unet.h"

namespace reel::models {
namespace {

constexpr int64_t kFirstHeads = 8;  // of the transformer behind the first convolution, at any width

/// Transformers of one width below `place` (a stage), as deep as they are there.
UNetStage::Options read_stage(const Checkpoint& unet, const std::string& place, int64_t head, int64_t pairs) {
  UNetStage::Options stage;
  stage.out = dimension(unet, place + "resnets.0.conv1.weight", 0);
  stage.spatial = unet.has(place + "attentions.0.norm.weight");
  stage.temporal = stage.spatial && unet.has(place + "temp_attentions.0.norm.weight");
  const auto depth = [&](const char* list) {
    return count_in_a_row(unet, place + list + ".0.transformer_blocks.", ".norm1.weight");
  };
  stage.layers.assign(size_t(pairs), depth("attentions"));
  stage.temporal_layers.assign(size_t(pairs), depth("temp_attentions"));
  if (!stage.spatial) return stage;
  stage.inner = dimension(unet, place + "attentions.0.proj_in.weight", 0);
  if (stage.inner % head != 0) {
    throw std::runtime_error("[" + unet.path + "] heads of " + std::to_string(head) +
                             " channels do not divide the " + std::to_string(stage.inner) + " of " + place +
                             "attentions.0; state the right num_head_channels in config.json");
  }
  stage.heads = stage.temporal_heads = stage.inner / head;
  if (stage.layers.front() > 0) {
    stage.context = dimension(unet, place + "attentions.0.transformer_blocks.0.attn2.to_k.weight", 1);
  }
  return stage;
}

UNetOptions read_options(const Checkpoint& unet, const Config& config) {
  const int64_t levels = count_in_a_row(unet, "down_blocks.", ".resnets.0.conv1.weight");
  if (levels < 1 || levels > 16) {
    throw std::runtime_error("[" + unet.path + "] must have 1 to 16 levels of input blocks, got " +
                             std::to_string(levels) + "; is it a checkpoint of VideoCrafter2's kind?");
  }
  UNetOptions options;
  options.out_channels = dimension(unet, "conv_out.weight", 0);
  options.style = {.time_width = dimension(unet, "time_embedding.linear_1.weight", 0),
                   .norm_groups = config.bounded("norm_num_groups", 32, 1, 1 << 16),
                   .temporal_name = "temp_attentions",
                   .temporal_convs = true};
  options.time.fps = unet.has("fps_embedding.linear_1.weight");
  int64_t head = 64;
  if (unet.has("transformer_in.norm.weight")) {
    const int64_t inner = dimension(unet, "transformer_in.proj_in.weight", 0);
    head = std::max<int64_t>(inner / kFirstHeads, 1);  // all heads of a network are of one width
    options.first = TemporalTransformer::Options{
        .channels = dimension(unet, "conv_in.weight", 0),
        .heads = kFirstHeads,
        .layers = count_in_a_row(unet, "transformer_in.transformer_blocks.", ".norm1.weight"),
        .norm_groups = options.style.norm_groups,
        .inner = inner};
  }
  head = config.bounded("num_head_channels", head, 1, 1 << 16);
  for (int64_t i = 0; i < levels; ++i) {
    const std::string down = "down_blocks." + std::to_string(i) + ".",
                      up = "up_blocks." + std::to_string(i) + ".";
    options.resnets.push_back(count_in_a_row(unet, down + "resnets.", ".conv1.weight"));
    options.down.push_back(read_stage(unet, down, head, options.resnets.back()));
    options.up.push_back(read_stage(unet, up, head, count_in_a_row(unet, up + "resnets.", ".conv1.weight")));
  }
  options.middle = read_stage(unet, "mid_block.", head, /*pairs=*/1);
  return options;
}

std::unique_ptr<Denoiser> load(const ComponentFiles& files, const LoadOptions& options) {
  Checkpoint checkpoint = open_checkpoint(files);
  rename_lvdm_unet(checkpoint);
  const UNetOptions unet = read_options(checkpoint, files.config);
  const int64_t in_channels = dimension(checkpoint, "conv_in.weight", 1);
  return build_checked(
      checkpoint, for_two_halves(options), [&](const Weights& weights) -> std::unique_ptr<Denoiser> {
        Conv2d conv_in =
            Conv2d::load(weights.scope("conv_in"), in_channels, weights.shape("conv_in.weight")[0]);
        return std::make_unique<UNet>(weights, std::move(conv_in), unet);
      });
}

}  // namespace

void register_lvdm(FamilyRegistry& registry) {
  FamilyEntry entry;
  entry.spec = {"lvdm", "UNet of VideoCrafter2 in its original layout",
                "VideoCrafter's lvdm UNetModel; Chen et al., VideoCrafter2, 2024"};
  entry.class_names = {"LvdmUNet"};
  entry.denoiser = load;
  registry.add(std::move(entry));
}

}  // namespace reel::models
