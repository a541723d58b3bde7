// The interfaces that sampling and the graph nodes see of a model: denoiser, VAE and text encoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attention/processor.h"

namespace reel::models {

/// What the denoiser is told about the wanted video.
struct Conditioning {
  at::Tensor context;     // [R, L, D], or [R, F, L, D] when each frame has its own
  std::vector<Row> rows;  // what each of the R batch rows means
  at::Tensor timesteps;   // [R]: each row's own instead of step.timestep; usually undefined
  at::Tensor
      pooled;  // [R, D'] and time_ids [R, n]: further conditions of SDXL-like networks; usually undefined
  at::Tensor time_ids;
  at::Tensor guidance;  // [R, n] embedding of the guidance scale, for distilled networks; usually undefined
  /// Keys and values of the context by attention site (Site::block), which no step changes: filled by the
  /// network at its first call, if there is a place for them. Belongs to one network and one context.
  std::shared_ptr<std::map<int, at::Tensor>> projected_context;
  std::optional<double> fps;  // frames per second that the motion is to be of, for networks that are told it
};

/// A denoising network: UNet with motion modules, MM-DiT and DiT alike.
class Denoiser {
 public:
  virtual ~Denoiser() = default;
  /// latent [R, C, F, H, W] -> prediction of the same shape, in f32; rows of `condition` match rows of
  /// `latent`.
  virtual at::Tensor predict(const at::Tensor& latent, const Step& step, const Conditioning& condition,
                             attention::Processor& attend) = 0;
  /// Every attention layer, in order of execution.
  virtual const std::vector<attention::Site>& sites() const = 0;
};

}  // namespace reel::models
