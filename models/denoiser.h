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
  /// Keys and values of the context by attention site (Site::block). They are the same at every step: the
  /// network fills the map at its first call, unless the pointer is null. Belongs to one network and one
  /// context.
  std::shared_ptr<std::map<int, at::Tensor>> projected_context;
  /// Further numbers under names that a pipeline and its network share, the same for all rows: {"fps", 28}.
  std::map<std::string, double> facts;
};

/// A denoising network: UNet with motion modules, MM-DiT and DiT alike.
class Denoiser {
 public:
  virtual ~Denoiser() = default;
  /// latent [R, C, F, H, W] -> prediction of the same shape, in f32. Row r of `condition` belongs to row r of
  /// `latent`.
  virtual at::Tensor predict(const at::Tensor& latent, const Step& step, const Conditioning& condition,
                             attention::Processor& attend) = 0;
  /// All attention layers, in order of execution.
  virtual const std::vector<attention::Site>& sites() const = 0;
};

}  // namespace reel::models
