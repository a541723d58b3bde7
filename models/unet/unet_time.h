// The conditions of a UNet besides latent and text, as one vector per row: the timestep and what
// is added to it.
#pragma once

#include "models/denoiser.h"
#include "models/layers/activation.h"
#include "models/layers/linear.h"

namespace reel::models {

/// Passes sinusoids of the timestep through two linear layers. Optionally adds the embedded guidance scale
/// (distilled networks), the pooled text and picture sizes (SDXL-like networks) or the frame rate
/// (VideoCrafter).
class TimeEmbedding {
 public:
  struct Options {
    int64_t width = 0, time_width = 0;  // of the sinusoids; of the result
    Activation activation = Activation::kSilu;
    int64_t guidance_width = 0;                   // of Conditioning::guidance; 0: not used
    int64_t added_width = 0, added_id_width = 0;  // of pooled text and all ids, of one id; 0: not used
    bool fps = false;
  };
  TimeEmbedding() = default;
  TimeEmbedding(const Weights& weights, const Options& options);

  /// [R, time_width] in `dtype`, not yet activated.
  /// Throws: std::invalid_argument if `condition` lacks an input that the options ask for.
  at::Tensor operator()(const Step& step, const Conditioning& condition, int64_t rows, at::Device device,
                        at::ScalarType dtype) const;

 private:
  struct TwoLayers {
    Linear first, second;
    static TwoLayers load(const Weights& weights, int64_t in, int64_t out);
  };
  Options options_;
  TwoLayers time_, added_, fps_;
  Linear guidance_;
};

}  // namespace reel::models
