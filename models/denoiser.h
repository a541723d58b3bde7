// The interface of a denoising network, and what its prediction is conditioned on.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "attention/processor.h"

namespace reel::models {

/// What a prediction is conditioned on.
struct Conditioning {
  at::Tensor context;     // [R, L, D], or [R, F, L, D] if each frame has its own
  std::vector<Row> rows;  // what each of the R batch rows means
  at::Tensor timesteps;   // [R]: each row's own, in place of step.timestep; usually undefined
  /// Further conditions of SDXL-like networks: pooled text [R, D'] and time_ids [R, n]; usually undefined.
  at::Tensor pooled;
  at::Tensor time_ids;
  at::Tensor guidance;  // [R, n] embedding of the guidance scale, for distilled networks; usually undefined
  /// Further numbers under names that a pipeline and its network share, the same for all rows: {"fps", 28}.
  std::map<std::string, double> facts;
};

/// One run of a denoiser: its condition, and what the network computed from it that all steps share, such as
/// the projected text. Each network derives its own and makes it in begin().
class DenoiserState {
 public:
  virtual ~DenoiserState() = default;
};

/// A denoising network: UNet with motion modules, MM-DiT and DiT alike. It does not change after it was built,
/// so several runs can share it, each with a state of its own.
class Denoiser {
 public:
  virtual ~Denoiser() = default;
  /// The state of a run under `condition`. It must not outlive the network.
  virtual std::unique_ptr<DenoiserState> begin(const Conditioning& condition) const = 0;
  /// latent [R, C, F, H, W] -> prediction of the same shape, in f32. Row r of the condition belongs to row r of
  /// `latent`. `state`: what begin() of this network returned; one thread at a time.
  virtual at::Tensor predict(const at::Tensor& latent, const Step& step, DenoiserState& state,
                             attention::Processor& attend) const = 0;
  /// All attention layers, in order of execution.
  virtual const std::vector<attention::Site>& sites() const = 0;
};

}  // namespace reel::models
