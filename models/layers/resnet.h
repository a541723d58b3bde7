// Residual convolution blocks, shared by UNets and autoencoders.
#pragma once

#include <vector>

#include "models/layers/activation.h"
#include "models/layers/conv.h"
#include "models/layers/linear.h"
#include "models/layers/norm.h"

namespace reel::models {

/// ResnetBlock2D: norm, activation, 3x3 convolution, time embedding, norm, activation, convolution. The
/// residual passes through a 1x1 convolution if the widths differ. x [R, F, H, W, C] (autoencoders: R = 1 and
/// no time embedding).
class ResnetBlock {
 public:
  struct Options {
    int64_t in, out;
    int64_t time_width = 0;  // 0: no time embedding
    int64_t norm_groups = 32;
    double eps = 1e-5;
    Activation activation = Activation::kSilu;
    double output_scale = 1.0;  // the sum is divided by it
  };
  ResnetBlock(const Weights& weights, const Options& options);
  /// time: [R, time_width], after its activation; undefined if the block has no time embedding.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& time = {}) const;

 private:
  at::Tensor normalise(const GroupNorm& norm, const at::Tensor& x) const;
  GroupNorm norm1_, norm2_;
  Conv2d conv1_, conv2_, shortcut_;
  Linear time_;
  Activation activation_;
  double output_scale_;
};

/// TemporalConvLayer: four times a norm over all frames, SiLU and a convolution over three neighbouring
/// frames of each place; then the residual is added. x [R, F, H, W, C].
class TemporalConv {
 public:
  TemporalConv(const Weights& weights, int64_t channels, int64_t norm_groups);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  struct Layer {
    GroupNorm norm;
    at::Tensor weight, bias;  // [out, in, 3, 1] channels-last: height is time, width all places
  };
  std::vector<Layer> layers_;
};

}  // namespace reel::models
