#include "models/unet/unet.h"

namespace reel::models {
namespace {

bool attends(const std::string& place, const std::string& type, const std::string& direction,
             const std::vector<std::string>& suffixes) {
  for (const std::string& suffix : suffixes) {
    if (type == "CrossAttn" + direction + "Block" + suffix) return true;
    if (type == direction + "Block" + suffix) return false;
  }
  throw std::runtime_error("[" + place + "] the block type '" + type +
                           "' is not supported; supported are CrossAttn" + direction + "Block" +
                           suffixes.front() + " and " + direction + "Block" + suffixes.front());
}

}  // namespace

BlockTypes read_block_types(const Config& config, const std::vector<std::string>& suffixes) {
  const std::string& suffix = suffixes.front();
  const std::string cross_down = "CrossAttnDownBlock" + suffix, cross_up = "CrossAttnUpBlock" + suffix;
  const auto down =
      config.texts("down_block_types", {cross_down, cross_down, cross_down, "DownBlock" + suffix});
  const auto up = config.texts("up_block_types", {"UpBlock" + suffix, cross_up, cross_up, cross_up});
  if (down.empty() || down.size() > 16 || up.size() != down.size()) {
    throw std::runtime_error("[" + config.place() +
                             "] down_block_types and up_block_types must have the same length, 1 to 16");
  }
  BlockTypes types;
  for (const std::string& type : down) types.down.push_back(attends(config.place(), type, "Down", suffixes));
  for (const std::string& type : up) types.up.push_back(attends(config.place(), type, "Up", suffixes));
  return types;
}

UNet::UNet(const Weights& weights, Conv2d conv_in, UNetOptions options)
    : activation_(options.style.activation), conv_in_(std::move(conv_in)) {
  const UNetStyle& style = options.style;
  const size_t levels = options.down.size();
  int64_t previous = conv_in_.weight.size(0);
  options.time.width = previous, options.time.time_width = style.time_width;
  options.time.activation = activation_;
  time_ = TimeEmbedding(weights, options.time);
  if (options.first) first_.emplace(weights.scope("transformer_in"), sites_, *options.first);

  std::vector<int64_t> skips = {previous};  // channels of the skip connections, in order of appearance
  for (size_t i = 0; i < levels; ++i) {
    sites_.enter_level(i);
    const Weights block = weights.scope("down_blocks").scope(std::to_string(i));
    UNetStage::Options& stage = options.down[i];
    const auto resnets = static_cast<size_t>(options.resnets[i]);
    stage.in.assign(resnets, stage.out);
    stage.in.front() = previous;
    down_.push_back({UNetStage(block, sites_, style, stage), {}, {}});
    skips.insert(skips.end(), resnets, stage.out);
    if (i + 1 < levels) {
      down_.back().downsample = Conv2d::load(block.scope("downsamplers.0.conv"), stage.out, stage.out,
                                             /*kernel=*/3, /*stride=*/2, options.downsample_padding);
      skips.push_back(stage.out);
    }
    previous = stage.out;
  }
  options.middle.in.assign(options.middle.layers.size() + 1, options.middle.out);
  middle_.emplace(weights.scope("mid_block"), sites_, style, options.middle);
  for (size_t i = 0; i < levels; ++i) {
    sites_.enter_level(levels - 1 - i);
    const Weights block = weights.scope("up_blocks").scope(std::to_string(i));
    UNetStage::Options& stage = options.up[i];
    for (int64_t j = 0; j <= options.resnets[levels - 1 - i]; ++j) {
      stage.in.push_back((j == 0 ? previous : stage.out) + skips.back());
      skips.pop_back();
    }
    up_.push_back({UNetStage(block, sites_, style, stage), {}, {}});
    if (i + 1 < levels)
      up_.back().upsample = UpsampleConv::load(block.scope("upsamplers.0.conv"), stage.out, stage.out);
    previous = stage.out;
  }
  norm_out_ = GroupNorm::load(weights.scope("conv_norm_out"), previous, style.norm_groups, style.eps);
  conv_out_ = Conv2d::load(weights.scope("conv_out"), previous, options.out_channels);
  site_list_ = sites_.list();
}

std::unique_ptr<DenoiserState> UNet::begin(const Conditioning& condition) const {
  auto state = std::make_unique<UNetState>();
  state->condition = condition;
  state->condition.context = condition.context.to(conv_in_.weight.scalar_type());
  return state;
}

at::Tensor UNet::predict(const at::Tensor& latent, const Step& step, DenoiserState& given,
                         attention::Processor& attend) const {
  if (latent.dim() != 5 || latent.size(1) != conv_in_.weight.size(1)) {
    throw std::invalid_argument("[model] a latent must be [rows, " + std::to_string(conv_in_.weight.size(1)) +
                                ", frames, height, width], got " + c10::str(latent.sizes()));
  }
  const auto dtype = conv_in_.weight.scalar_type();
  const int64_t rows = latent.size(0), frames = latent.size(2);
  auto& state = dynamic_cast<UNetState&>(given);
  const Pass pass{step, state, attend};
  const at::Tensor time = activate(activation_, time_(step, state.condition, rows, latent.device(), dtype));

  // [R, C, F, H, W] -> channels-last [R, F, H, W, C]: the one change of layout on the way in.
  const auto image = [&](const Conv2d& conv, const at::Tensor& x) {
    const at::Tensor y = conv(x.flatten(0, 1));
    return y.view({rows, frames, y.size(1), y.size(2), y.size(3)});
  };
  at::Tensor x = image(conv_in_, latent.to(dtype).permute({0, 2, 3, 4, 1}).contiguous());
  if (first_) x = (*first_)(x, pass);
  std::vector<at::Tensor> skips = {x};
  for (const Level& level : down_) {
    for (size_t i = 0; i < level.stage.resnets(); ++i) {
      x = level.stage.attend(i, level.stage.convolve(i, x, time), pass);
      skips.push_back(x);
    }
    if (!level.downsample) continue;
    // Padding 0 means "one row below and one column to the right", as the reference pads by hand.
    if (level.downsample->padding == 0) x = at::constant_pad_nd(x, {0, 0, 0, 1, 0, 1});
    skips.push_back(x = image(*level.downsample, x));
  }
  x = middle_->convolve(0, x, time);
  for (size_t i = 1; i < middle_->resnets(); ++i)
    x = middle_->convolve(i, middle_->attend(i - 1, x, pass), time);
  for (const Level& level : up_) {
    for (size_t i = 0; i < level.stage.resnets(); ++i) {
      x = level.stage.convolve(i, at::cat({x, skips.back()}, -1), time);
      x = level.stage.attend(i, x, pass);
      skips.pop_back();
    }
    if (!level.upsample) continue;
    const at::Tensor& next = skips.back();  // its size decides: odd sizes were rounded up on the way down
    x = (*level.upsample)(x.flatten(0, 1), next.size(2), next.size(3));
    x = x.view({rows, frames, x.size(1), x.size(2), x.size(3)});
  }
  const at::Tensor out =
      conv_out_(norm_out_.silu(x.flatten(0, 1)));  // conv_act is SiLU, whatever act_fn says
  return out.view({rows, frames, out.size(1), out.size(2), out.size(3)})
      .permute({0, 4, 1, 2, 3})
      .to(at::kFloat)
      .contiguous();
}

}  // namespace reel::models
