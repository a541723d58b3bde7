// Classifier-free guidance: a denoiser that calls another one without and with the prompt, and combines the
// two predictions.
#pragma once

#include <functional>

#include "models/denoiser.h"

namespace reel::guidance {

struct ClassifierFreeOptions {
  double scale = 7.5;  // >= 0; up to 1 there is no guidance, and unconditional rows are not computed
  /// The scale of each step, for guidance that changes during a run; empty: `scale` at all of them.
  std::function<double(const Step&)> scale_at = {};
  /// 0 to 1: how much of the result is rescaled to the standard deviation of the conditional prediction.
  double rescale = 0;
  /// Runs the two halves one after the other: half the memory, somewhat slower.
  bool two_passes = false;
};

/// Predicts uncond + scale (cond - uncond). Latents have R rows. Conditions have 2R: first all unconditional
/// ones, then the conditional ones in the same order; without guidance, R conditional rows suffice. Rescaling
/// treats each row on its own.
/// Sources: "Classifier-Free Diffusion Guidance" (2207.12598), equation 6; rescaling: "Common Diffusion Noise
/// Schedules and Sample Steps are Flawed" (2305.08891), section 3.4.
class ClassifierFree : public models::Denoiser {
 public:
  /// `inner` must outlive this. Throws: std::invalid_argument for options out of range.
  ClassifierFree(const models::Denoiser& inner, ClassifierFreeOptions options);

  /// Holds a state of the inner network for each of its calls per step: two if the halves run one after the other.
  std::unique_ptr<models::DenoiserState> begin(const models::Conditioning& condition) const override;
  /// Throws: std::invalid_argument if the condition's rows do not pair with the latent's.
  at::Tensor predict(const at::Tensor& latent, const Step& step, models::DenoiserState& state,
                     attention::Processor& attend) const override;
  const std::vector<attention::Site>& sites() const override { return inner_.sites(); }

 private:
  const models::Denoiser& inner_;
  ClassifierFreeOptions options_;
};

}  // namespace reel::guidance
