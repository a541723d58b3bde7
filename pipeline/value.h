// The types of values that flow between nodes; the list is closed.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "attention/edit.h"
#include "models/model_folder.h"
#include "pipeline/media/frames.h"

namespace reel::pipeline {

/// A model folder as it was when it was opened: what a handle knows of its model. Never null in a value that
/// a node returns.
using Folder = std::shared_ptr<const models::ModelFolder>;

/// A LoRA file and the weight of its contribution.
struct LoraChoice {
  std::string path;
  double weight = 1.0;
};

/// MODEL: what to sample with. A node that changes a model returns a changed copy of the handle. Weights are
/// shared through the run's model cache, which builds the network when it is first sampled.
struct ModelHandle {
  Folder folder;
  std::vector<LoraChoice> loras;
  attention::EditPlan edits;         // in graph order
  std::vector<std::string> guiders;  // what wraps the network: guidance::Guided
};

/// The most layers that ComfyUI's CLIPSetLastLayer leaves out. A text encoder may have fewer.
constexpr int kMostClipSkip = 23;

/// CLIP: what to encode text with.
struct ClipHandle {
  Folder folder;
  std::vector<LoraChoice> loras;
  int clip_skip = 0;  // layers left out at the end, 0 to kMostClipSkip
};

/// VAE: what to decode latents with.
struct VaeHandle {
  Folder folder;
};

/// CAPTIONER: what to describe pictures with. A node that changes one returns a changed copy of the handle.
struct CaptionerHandle {
  Folder folder;
  attention::EditPlan edits;  // in graph order
};

/// LATENT: samples [B, C, F, h, w]. An empty latent has a size only; the model that samples it decides the
/// number of channels.
struct Latent {
  at::Tensor samples;                                    // undefined: empty
  int64_t batch = 1, frames = 0, height = 0, width = 0;  // videos; count; pixels
  bool empty() const { return !samples.defined(); }
};

/// CONDITIONING: one prompt, or one per frame. context [1, L, D] or [1, F, L, D].
struct PromptContext {
  at::Tensor context;
};

/// IMAGE: pictures or the frames of a video, f32 [F, H, W, 3] in [0, 1], before any rounding.
struct Images {
  at::Tensor pixels;
};

/// A typed value; VIDEO is media::Frames. No file format depends on the order.
using Value = std::variant<std::monostate, bool, int64_t, double, std::string, media::Frames, Latent,
                           PromptContext, ModelHandle, ClipHandle, VaeHandle, Images, CaptionerHandle>;

}  // namespace reel::pipeline
