// Model families: how the components of a model folder become networks. Each family is one plug-in file,
// recognised by the class names that its configuration files state.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attention/plugin/spec.h"
#include "models/denoiser.h"
#include "models/files/config.h"
#include "models/text_encoder.h"
#include "models/vae.h"
#include "models/weights.h"

namespace reel::models {

/// Where a component lies. `adapter` adds to it (a motion adapter's folder or file); empty: none.
struct ComponentFiles {
  std::string folder;
  Config config;  // folder/config.json
  std::string adapter;
  std::string tokenizer;  // folder of the tokenizer, for text encoders
  std::string
      prefix;  // of its tensors' names, where one checkpoint holds all components; empty: it has its own
};

/// The component's tensors, without `prefix`. Throws: as Checkpoint::open.
Checkpoint open_checkpoint(const ComponentFiles& files);

/// The same and, where there is an adapter, its own.
std::vector<Checkpoint> open_checkpoints(const ComponentFiles& files);

/// A family fills in the one maker of the component that it is.
struct FamilyEntry {
  Spec spec;
  std::vector<std::string>
      class_names;  // `_class_name` (diffusers) or `architectures`/`model_type` (transformers)
  std::function<std::unique_ptr<Denoiser>(const ComponentFiles&, const LoadOptions&)> denoiser;
  std::function<std::unique_ptr<Vae>(const ComponentFiles&, const LoadOptions&)> vae;
  std::function<std::unique_ptr<TextEncoder>(const ComponentFiles&, const LoadOptions&)> text_encoder;
};

class FamilyRegistry : public Registry<FamilyEntry> {
 public:
  /// The family of a configuration, by `_class_name`, `architectures` or `model_type`.
  /// Throws: std::runtime_error naming the file, the class found and the known ones.
  const FamilyEntry& of(const Config& config) const;
};

/// Fills `registry` with every family in models/families/ (generated).
void register_families(FamilyRegistry& registry);

}  // namespace reel::models
