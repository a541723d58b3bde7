// Networks, text encoders and VAEs built during a run, shared by all nodes that ask for the same thing.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "models/family.h"
#include "pipeline/value.h"

namespace reel::pipeline {

/// Builds components on first use and keeps the most recently used ones, so that a list of prompts loads a
/// model once.
class ModelCache {
 public:
  /// `dtype`: empty means models::default_dtype of each component. `components`: how many of each kind are
  /// kept.
  ModelCache(const models::FamilyRegistry& families, at::Device device, std::optional<at::ScalarType> dtype,
             size_t components = 2);

  std::shared_ptr<models::Denoiser> denoiser(const ModelHandle& model);
  std::shared_ptr<models::TextEncoder> text_encoder(const ClipHandle& clip);
  std::shared_ptr<models::Vae> vae(const VaeHandle& vae);

  /// The sites of a model, without reading its weights.
  std::vector<attention::Site> sites(const ModelHandle& model);

  /// The time that loading has taken so far.
  double load_seconds() const { return load_seconds_; }
  /// Warnings for the user, e.g. about LoRA modules that fit nothing. The call empties the list.
  std::vector<std::string> take_warnings();
  at::Device device() const { return device_; }

 private:
  template <class Component>
  struct Shelf {
    std::list<std::pair<std::string, std::shared_ptr<Component>>> items;  // most recently used first
  };
  template <class Component, class Load>
  std::shared_ptr<Component> take(Shelf<Component>& shelf, const std::string& key, const Load& load);

  models::LoadOptions options_for(const models::ComponentFiles& files) const;

  const models::FamilyRegistry& families_;
  at::Device device_;
  std::optional<at::ScalarType> dtype_;
  size_t components_;
  Shelf<models::Denoiser> denoisers_;
  Shelf<models::TextEncoder> text_encoders_;
  Shelf<models::Vae> vaes_;
  double load_seconds_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace reel::pipeline
