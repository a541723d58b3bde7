// Classifier-free guidance: a denoiser that asks another one twice, without and with the prompt.
#pragma once

#include "models/denoiser.h"

namespace reel::guidance {

struct CfgOptions {
  double scale = 7.5;  // >= 0; at most 1: no guidance, the unconditional rows are not computed
  double rescale = 0;  // 0 to 1: share of the result whose deviation is brought back to the conditional one's
  bool two_passes = false;  // one half of the rows after the other: half the memory, some speed
};

/// uncond + scale (cond - uncond). Latents have R rows; conditions 2R: all unconditional ones first, then, in
/// the same order, the conditional ones (R conditional rows alone will do without guidance). Source:
/// "Classifier-Free Diffusion Guidance" (2207.12598), equation 6; rescaling: "Common Diffusion Noise
/// Schedules and Sample Steps are Flawed" (2305.08891), section 3.4, each batch row for itself.
class Cfg : public models::Denoiser {
 public:
  /// `inner` must outlive this. Throws: std::invalid_argument for options out of range.
  Cfg(models::Denoiser& inner, CfgOptions options);

  /// Throws: std::invalid_argument if the condition's rows do not pair with the latent's.
  at::Tensor predict(const at::Tensor& latent, const Step& step, const models::Conditioning& condition,
                     attention::Processor& attend) override;
  const std::vector<attention::Site>& sites() const override { return inner_.sites(); }

 private:
  models::Denoiser& inner_;
  CfgOptions options_;
};

}  // namespace reel::guidance
