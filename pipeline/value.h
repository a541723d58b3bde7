// The closed vocabulary of what flows between nodes.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "attention/edit.h"
#include "models/config.h"
#include "models/denoiser.h"
#include "models/text_encoder.h"
#include "models/vae.h"
#include "pipeline/media/frames.h"

namespace reel::pipeline {

/// A LoRA file and the weight of its contribution.
struct LoraChoice {
  std::string path;
  double weight = 1.0;
};

/// MODEL: what to sample with. A value: nodes that change it return a changed copy, and weights are shared
/// through the run's model cache, which builds the network when it is first sampled.
struct ModelHandle {
  std::string folder;          // in the Hugging Face layout, or a single file
  std::string motion_adapter;  // folder or file beside it; empty: inside `folder`
  std::vector<LoraChoice> loras;
  attention::EditPlan edits;  // in graph order
  models::Config scheduler;   // scheduler_config.json
  std::string sampling;       // overrides of the noise schedule, e.g. by ModelSampling nodes; empty: none
};

/// CLIP: what to encode text with.
struct ClipHandle {
  std::string folder;
  std::vector<LoraChoice> loras;
  int clip_skip = 0;
};

/// VAE: what to decode latents with.
struct VaeHandle {
  std::string folder;
};

/// LATENT: samples [B, C, F, h, w]; an empty latent has zeros and `noise` false until something is sampled.
struct Latent {
  at::Tensor samples;
  at::Tensor initial_noise;  // if defined: used in place of drawn noise (unit variance)
};

/// CONDITIONING: one prompt, or one per frame. context [1, L, D] or [1, F, L, D].
struct PromptContext {
  at::Tensor context;
};

/// A typed value. The order is part of no format.
using Value = std::variant<std::monostate, bool, int64_t, double, std::string, media::Frames, Latent,
                           PromptContext, ModelHandle, ClipHandle, VaeHandle>;

}  // namespace reel::pipeline
