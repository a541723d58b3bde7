#include "models/families/unet_blocks.h"

namespace reel::models {

UNetLevel::UNetLevel(const Weights& weights, SiteList& sites, const Options& options) {
  for (size_t i = 0; i < options.in.size(); ++i) {
    const std::string index = std::to_string(i);
    resnets.emplace_back(weights.scope("resnets").scope(index),
                         ResnetBlock::Options{.in = options.in[i],
                                              .out = options.out,
                                              .time_width = options.time_width,
                                              .norm_groups = options.norm_groups,
                                              .eps = options.eps,
                                              .activation = options.activation});
    if (options.attention) {
      attentions.emplace_back(weights.scope("attentions").scope(index), sites,
                              SpatialTransformer::Options{.channels = options.out,
                                                          .heads = options.heads,
                                                          .layers = options.layers[i],
                                                          .context = options.context,
                                                          .norm_groups = options.norm_groups});
    }
    if (options.motion) {
      motions.emplace_back(weights.scope("motion_modules").scope(index), sites,
                           TemporalTransformer::Options{.channels = options.out,
                                                        .heads = options.motion_heads,
                                                        .layers = options.motion_layers[i],
                                                        .norm_groups = options.norm_groups,
                                                        .max_frames = options.max_frames});
    }
  }
}

at::Tensor UNetLevel::run(size_t i, const at::Tensor& x, const at::Tensor& time, const Pass& pass) const {
  at::Tensor h = resnets[i](x, time);
  if (!attentions.empty()) h = attentions[i](h, pass);
  if (!motions.empty()) h = motions[i](h, pass);
  return h;
}

UNetMiddle::UNetMiddle(const Weights& weights, SiteList& sites, const Options& options) {
  const auto resnet = [&](int64_t i) {
    resnets.emplace_back(weights.scope("resnets").scope(std::to_string(i)),
                         ResnetBlock::Options{.in = options.channels,
                                              .out = options.channels,
                                              .time_width = options.time_width,
                                              .norm_groups = options.norm_groups,
                                              .eps = options.eps,
                                              .activation = options.activation,
                                              .output_scale = options.output_scale});
  };
  resnet(0);
  for (int64_t i = 0; i < options.layers; ++i) {
    const std::string index = std::to_string(i);
    attentions.emplace_back(weights.scope("attentions").scope(index), sites,
                            SpatialTransformer::Options{.channels = options.channels,
                                                        .heads = options.heads,
                                                        .layers = options.transformer_layers[size_t(i)],
                                                        .context = options.context,
                                                        .norm_groups = options.norm_groups});
    if (options.motion) {
      motions.emplace_back(weights.scope("motion_modules").scope(index), sites,
                           TemporalTransformer::Options{.channels = options.channels,
                                                        .heads = options.motion_heads,
                                                        .layers = options.motion_layers[size_t(i)],
                                                        .norm_groups = options.norm_groups,
                                                        .max_frames = options.max_frames});
    }
    resnet(i + 1);
  }
}

at::Tensor UNetMiddle::operator()(at::Tensor x, const at::Tensor& time, const Pass& pass) const {
  x = resnets[0](x, time);
  for (size_t i = 0; i < attentions.size(); ++i) {
    x = attentions[i](x, pass);
    if (!motions.empty()) x = motions[i](x, pass);
    x = resnets[i + 1](x, time);
  }
  return x;
}

}  // namespace reel::models
