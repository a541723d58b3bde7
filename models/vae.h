// The interface of an autoencoder between frames and latents.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "attention/processor.h"
#include "models/latent_shape.h"

namespace reel::models {

/// How much is decoded at once. Zero means everything: no tiling, all frames.
struct VaeTiling {
  int64_t tile = 0;      // side of a square tile, in pixels of the frame
  int64_t overlap = 64;  // pixels shared by neighbouring tiles, blended linearly
  int64_t frames = 0;    // frames decoded together (image VAEs treat frames alike: no seams in time)
};

/// Frames [B, 3, F, H, W] in [-1, 1] <-> latents [B, C, f, h, w], whose extent latent_shape() tells. It does not change
/// after it was built, so several runs can share it.
class Vae {
 public:
  virtual ~Vae() = default;
  /// The mean of the posterior, scaled as the denoiser expects it: (mean - shift) * scale.
  /// `attend`: whose edits apply to its attention; null: none.
  virtual at::Tensor encode(const at::Tensor& frames, attention::Processor* attend = nullptr) const = 0;
  /// Undoes scale and shift, then decodes. `progress(done, all)` is called between chunks; it may throw to
  /// cancel. The caller may change the result, which need not be contiguous.
  virtual at::Tensor decode(const at::Tensor& latents, const VaeTiling& tiling = {},
                            const std::function<void(int64_t, int64_t)>& progress = {},
                            attention::Processor* attend = nullptr) const = 0;
  /// Every attention layer, in order of construction.
  virtual std::vector<attention::Site> sites() const { return {}; }
  /// What it makes of the extent of a video. The pipeline says the same (ModelFolder::latent) before weights
  /// are read.
  virtual LatentShape latent_shape() const = 0;
  /// The type that it computes in, from which the memory of its feature maps is estimated. Frames and latents
  /// are f32.
  virtual at::ScalarType dtype() const { return at::kFloat; }
};

}  // namespace reel::models
