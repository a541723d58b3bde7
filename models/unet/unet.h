// The video UNet behind all UNet families: stages on the way down, in the middle and on the way up, with skip
// connections across. A family reads its configuration into UNetOptions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/files/config.h"
#include "models/layers/activation.h"
#include "models/layers/conv.h"
#include "models/layers/norm.h"
#include "models/layers/upsample.h"
#include "models/unet/unet_blocks.h"
#include "models/unet/unet_time.h"

namespace reel::models {

/// Sizes of a UNet. The constructor fills in the widths of inputs, which follow from the order of the stages.
struct UNetOptions {
  int64_t out_channels = 4, downsample_padding = 1;
  std::vector<int64_t> resnets;              // of each down stage; the up stage opposite has one more
  std::vector<UNetStage::Options> down, up;  // in order of execution
  UNetStage::Options middle;                 // one resnet more than entries of `layers`
  std::optional<TemporalTransformer::Options> first;  // behind the first convolution
  UNetStyle style;
  TimeEmbedding::Options time;  // the constructor sets its widths, from the first level and `style`
};

/// Options of a denoiser's weights: guidance runs a conditional and an unconditional row at once.
inline LoadOptions for_two_halves(LoadOptions options) {
  options.rows_at_once = 2;
  return options;
}

class UNet : public Denoiser {
 public:
  /// conv_in: the first convolution, [width of the first level, latent channels, 3, 3].
  UNet(const Weights& weights, Conv2d conv_in, UNetOptions options);

  const std::vector<attention::Site>& sites() const override { return site_list_; }
  std::unique_ptr<DenoiserState> begin(const Conditioning& condition) const override;

  /// Any height and width: odd sizes are rounded up on the way down and restored on the way up.
  /// Throws: std::invalid_argument if `latent` has other channels, or a condition is missing.
  at::Tensor predict(const at::Tensor& latent, const Step& step, DenoiserState& state,
                     attention::Processor& attend) const override;

 private:
  struct Level {
    UNetStage stage;
    std::optional<Conv2d> downsample;      // to the next level, on the way down
    std::optional<UpsampleConv> upsample;  // and on the way up
  };
  SiteList sites_;
  std::vector<attention::Site> site_list_;
  Activation activation_;
  Conv2d conv_in_, conv_out_;
  std::optional<TemporalTransformer> first_;
  TimeEmbedding time_;
  std::vector<Level> down_, up_;
  std::optional<UNetStage> middle_;
  GroupNorm norm_out_;
};

/// Which stages attend to the text, as down_block_types and up_block_types say.
struct BlockTypes {
  std::vector<bool> down, up;
  size_t levels() const { return down.size(); }
};

/// Reads CrossAttnDownBlock<suffix> and DownBlock<suffix>, and the same with Up. Absent lists mean four
/// levels, the coarsest without text. Throws: std::runtime_error for another type, or lists whose lengths
/// differ or exceed 16.
BlockTypes read_block_types(const Config& config, const std::vector<std::string>& suffixes);

}  // namespace reel::models
