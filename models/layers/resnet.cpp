#include "models/layers/resnet.h"

namespace reel::models {

ResnetBlock::ResnetBlock(const Weights& weights, const Options& options)
    : norm1_(GroupNorm::load(weights.scope("norm1"), options.in, options.norm_groups, options.eps)),
      norm2_(GroupNorm::load(weights.scope("norm2"), options.out, options.norm_groups, options.eps)),
      conv1_(Conv2d::load(weights.scope("conv1"), options.in, options.out)),
      conv2_(Conv2d::load(weights.scope("conv2"), options.out, options.out)),
      activation_(options.activation),
      output_scale_(options.output_scale) {
  if (options.time_width > 0)
    time_ = Linear::load(weights.scope("time_emb_proj"), options.time_width, options.out);
  if (options.in != options.out) {
    shortcut_ = Conv2d::load(weights.scope("conv_shortcut"), options.in, options.out, /*kernel=*/1,
                             /*stride=*/1, /*padding=*/0);
  }
}

at::Tensor ResnetBlock::normalise(const GroupNorm& norm, const at::Tensor& x) const {
  return activation_ == Activation::kSilu ? norm.silu(x) : activate(activation_, norm(x));
}

at::Tensor ResnetBlock::operator()(const at::Tensor& x, const at::Tensor& time) const {
  const at::Tensor images = x.flatten(0, 1);  // [R F, H, W, C]
  at::Tensor h = conv1_(normalise(norm1_, images));
  if (time_.weight.defined()) {
    h.view({x.size(0), x.size(1), h.size(1), h.size(2), h.size(3)})
        .add_(time_(time).view({x.size(0), 1, 1, 1, h.size(3)}));
  }
  h = conv2_(normalise(norm2_, h));
  h.add_(shortcut_.weight.defined() ? shortcut_(x).flatten(0, 1) : images);
  if (output_scale_ != 1.0) h.div_(output_scale_);
  return h.view({x.size(0), x.size(1), h.size(1), h.size(2), h.size(3)});
}

TemporalConv::TemporalConv(const Weights& weights, int64_t channels, int64_t norm_groups) {
  for (int i = 1; i <= 4; ++i) {
    const Weights layer = weights.scope("conv" + std::to_string(i));
    // The reference numbers its layers (norm, activation, dropout, convolution); the first has no dropout.
    const Weights conv = layer.scope(i == 1 ? "2" : "3");
    layers_.push_back({GroupNorm::load(layer.scope("0"), channels, norm_groups, 1e-5),
                       conv.place(conv.get("weight", {channels, channels, 3, 1, 1})
                                      .squeeze(-1)
                                      .contiguous(at::MemoryFormat::ChannelsLast)),
                       conv.place(conv.get("bias", {channels}))});
  }
}

at::Tensor TemporalConv::operator()(const at::Tensor& x) const {
  at::Tensor h = x.flatten(2, 3);  // [R, F, P, C]
  for (const Layer& layer : layers_) {
    const at::Tensor map = layer.norm.silu(h).permute({0, 3, 1, 2});
    h = convolved(map, layer.weight, layer.bias, /*stride=*/{1, 1}, /*padding=*/{1, 0})
            .permute({0, 2, 3, 1})
            .contiguous();
  }
  return h.view(x.sizes()).add_(x);
}

}  // namespace reel::models
