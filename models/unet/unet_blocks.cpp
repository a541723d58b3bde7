#include "models/unet/unet_blocks.h"

namespace reel::models {

UNetStage::UNetStage(const Weights& weights, SiteList& sites, const UNetStyle& style,
                     const Options& options) {
  for (size_t i = 0; i < options.in.size(); ++i) {
    const std::string index = std::to_string(i);
    resnets_.emplace_back(weights.scope("resnets").scope(index),
                          ResnetBlock::Options{.in = options.in[i],
                                               .out = options.out,
                                               .time_width = style.time_width,
                                               .norm_groups = style.norm_groups,
                                               .eps = style.eps,
                                               .activation = style.activation,
                                               .output_scale = options.output_scale});
    if (style.temporal_convs)
      convs_.emplace_back(weights.scope("temp_convs").scope(index), options.out, style.norm_groups);
  }
  for (size_t i = 0; i < options.layers.size(); ++i) {
    const std::string index = std::to_string(i);
    if (options.spatial) {
      spatial_.emplace_back(weights.scope("attentions").scope(index), sites,
                            SpatialTransformer::Options{.channels = options.out,
                                                        .heads = options.heads,
                                                        .layers = options.layers[i],
                                                        .context = options.context,
                                                        .norm_groups = style.norm_groups,
                                                        .inner = options.inner});
    }
    if (options.temporal) {
      temporal_.emplace_back(weights.scope(style.temporal_name).scope(index), sites,
                             TemporalTransformer::Options{.channels = options.out,
                                                          .heads = options.temporal_heads,
                                                          .layers = options.temporal_layers[i],
                                                          .norm_groups = style.norm_groups,
                                                          .inner = options.inner,
                                                          .max_frames = style.max_frames});
    }
  }
}

at::Tensor UNetStage::convolve(size_t i, const at::Tensor& x, const at::Tensor& time) const {
  const at::Tensor h = resnets_[i](x, time);
  return convs_.empty() ? h : convs_[i](h);
}

at::Tensor UNetStage::attend(size_t i, at::Tensor x, const Pass& pass) const {
  if (!spatial_.empty()) x = spatial_[i](x, pass);
  if (!temporal_.empty()) x = temporal_[i](x, pass);
  return x;
}

}  // namespace reel::models
