// The down, middle and up blocks of a UNet with motion modules.
#pragma once

#include <optional>
#include <vector>

#include "models/resnet.h"
#include "models/transformer.h"

namespace reel::models {

/// One resolution level: resnets, each followed by what the level has of a spatial and a temporal
/// transformer.
struct UNetLevel {
  struct Options {
    std::vector<int64_t> in;  // input channels of each resnet, skip connections included
    int64_t out = 0, time_width = 0, norm_groups = 32, context = 0;
    double eps = 1e-5;
    Activation activation = Activation::kSilu;
    bool attention = false;  // spatial transformers
    int64_t heads = 1;
    std::vector<int64_t> layers;  // transformer layers behind each resnet
    bool motion = true;           // temporal transformers
    int64_t motion_heads = 1, max_frames = 32;
    std::vector<int64_t> motion_layers;
  };
  UNetLevel(const Weights& weights, SiteList& sites, const Options& options);

  /// Resnet i and the transformers behind it. x [R, F, H, W, C].
  at::Tensor run(size_t i, const at::Tensor& x, const at::Tensor& time, const Pass& pass) const;

  std::vector<ResnetBlock> resnets;
  std::vector<SpatialTransformer> attentions;  // empty, or one per resnet
  std::vector<TemporalTransformer> motions;    // likewise
  std::optional<Conv2d> downsample, upsample;
};

/// The middle: a resnet, then `layers` times spatial transformer, motion module, resnet.
struct UNetMiddle {
  struct Options {
    int64_t channels = 0, time_width = 0, norm_groups = 32, context = 0, heads = 1, layers = 1;
    double eps = 1e-5, output_scale = 1;
    Activation activation = Activation::kSilu;
    std::vector<int64_t> transformer_layers, motion_layers;  // one per layer
    bool motion = true;
    int64_t motion_heads = 1, max_frames = 32;
  };
  UNetMiddle(const Weights& weights, SiteList& sites, const Options& options);
  at::Tensor operator()(at::Tensor x, const at::Tensor& time, const Pass& pass) const;

  std::vector<ResnetBlock> resnets;
  std::vector<SpatialTransformer> attentions;
  std::vector<TemporalTransformer> motions;
};

}  // namespace reel::models
