// The stages of a video UNet: resnets of one resolution, and the spatial and temporal layers between them.
#pragma once

#include <string>
#include <vector>

#include "models/layers/activation.h"
#include "models/layers/resnet.h"
#include "models/unet/transformer.h"

namespace reel::models {

/// What all stages of a UNet have in common.
struct UNetStyle {
  int64_t time_width = 0, norm_groups = 32;
  double eps = 1e-5;
  Activation activation = Activation::kSilu;
  std::string temporal_name = "motion_modules";  // of the temporal transformers in the checkpoint
  bool temporal_convs = false;                   // a TemporalConv behind each resnet
  int64_t max_frames = 0;                        // rows of the position tables; 0: there are no positions
};

/// Resnets of one width, each with its temporal convolution, and transformers, spatial before temporal. Down
/// and up stages have transformers after each resnet, the middle stage between its resnets.
/// x [R, F, H, W, C].
class UNetStage {
 public:
  struct Options {
    std::vector<int64_t> in;  // input channels of each resnet, skip connections included
    int64_t out = 0;
    double output_scale = 1;                 // of the resnets
    bool spatial = false, temporal = false;  // which transformers there are
    int64_t heads = 1, temporal_heads = 1, context = 0;
    int64_t inner = 0;                             // width within the transformers; 0: out
    std::vector<int64_t> layers, temporal_layers;  // of each pair of transformers
  };
  UNetStage(const Weights& weights, SiteList& sites, const UNetStyle& style, const Options& options);

  size_t resnets() const { return resnets_.size(); }
  /// Resnet i and its temporal convolution. time: [R, time_width], after its activation.
  at::Tensor convolve(size_t i, const at::Tensor& x, const at::Tensor& time) const;
  /// The i-th pair of transformers, as far as the stage has them.
  at::Tensor attend(size_t i, at::Tensor x, const Pass& pass) const;

 private:
  std::vector<ResnetBlock> resnets_;
  std::vector<TemporalConv> convs_;            // empty, or one per resnet
  std::vector<SpatialTransformer> spatial_;    // empty, or one per entry of Options::layers
  std::vector<TemporalTransformer> temporal_;  // likewise
};

}  // namespace reel::models
