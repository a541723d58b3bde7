// Networks, text encoders and VAEs built during a run, shared by all nodes that ask for the same thing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "models/family.h"
#include "models/plan.h"
#include "pipeline/run/model_shelf.h"
#include "pipeline/value.h"

namespace reel::pipeline {

/// Builds components on first use and keeps them within a budget of bytes, so that a list of prompts loads a model
/// once. Several threads may use it.
class ModelCache {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// `dtype`: empty means models::default_dtype of each component. `bytes`: of weights that are kept; 0: half of
  /// the machine's memory.
  ModelCache(const models::FamilyRegistry& families, at::Device device, std::optional<at::ScalarType> dtype,
             size_t bytes = 0);

  /// `warn` is told what loading has to say, e.g. of a LoRA without its alphas, also if an earlier caller's
  /// component is given. It may be empty.
  std::shared_ptr<models::Denoiser> denoiser(const ModelHandle& model, const Warn& warn = {});
  std::shared_ptr<models::TextEncoder> text_encoder(const ClipHandle& clip, const Warn& warn = {});
  /// Throws: std::runtime_error also if the VAE's latents are not those of the folder's pipeline.
  std::shared_ptr<models::Vae> vae(const VaeHandle& vae);
  std::shared_ptr<models::Captioner> captioner(const CaptionerHandle& captioner);

  /// The sites of a model, without reading its weights.
  std::vector<attention::Site> sites(const ModelHandle& model);
  std::vector<attention::Site> sites(const CaptionerHandle& captioner);

  /// How many layers a text encoder has, without reading its weights.
  int text_layers(const ClipHandle& clip) const;

  /// What sampling and decoding take, without reading weights. latent: [batch, C, F, h, w]; `guided`: rows with and
  /// without the prompt; tile: as VaeTiling. LoRAs and edits are left out.
  models::Plan plan_sampling(const ModelHandle& model, std::vector<int64_t> latent,
                             const models::Extent& video, bool guided) const;
  models::Plan plan_decoding(const VaeHandle& vae, const std::vector<int64_t>& latent, int64_t tile) const;

  /// Lets go of all components that no run holds; returns the bytes of their weights.
  size_t free() { return shelf_.free(); }
  size_t bytes() const { return shelf_.bytes(); }
  /// The time that loading has taken so far.
  double load_seconds() const { return shelf_.load_seconds(); }
  at::Device device() const { return device_; }

 private:
  template <class Component, class Make>
  std::shared_ptr<Component> take(const std::string& key, const models::ComponentFiles& files,
                                  const std::vector<LoraChoice>& loras, const Make& make, const Warn& warn);
  at::ScalarType dtype_of(const models::ComponentFiles& files) const;

  const models::FamilyRegistry& families_;
  at::Device device_;
  std::optional<at::ScalarType> dtype_;
  ModelShelf shelf_;
};

}  // namespace reel::pipeline
