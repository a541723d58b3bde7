// Model families: how the components of a model folder become networks. Each family is one plug-in file,
// found by the class names that configuration files state.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attention/plugin/spec.h"
#include "models/captioner.h"
#include "models/denoiser.h"
#include "models/files/config.h"
#include "models/text_encoder.h"
#include "models/vae.h"
#include "models/weights.h"

namespace reel::models {

/// The files of one component.
struct ComponentFiles {
  std::string folder;
  Config config;        // folder/config.json
  std::string adapter;  // folder or file of a motion adapter that adds to the component; empty: none
  std::string
      tower;  // of a captioner: folder of a vision tower that its own checkpoint does not hold; empty: it does
  std::string tokenizer;  // folder of the tokenizer, for text encoders and captioners
  /// Beginning of the names of its tensors, if one checkpoint holds all components; empty: it has its own.
  std::string prefix;
};

/// The tensors of the component, their names without `prefix`. Throws: as Checkpoint::open.
Checkpoint open_checkpoint(const ComponentFiles& files);

/// The same, followed by the checkpoints of the adapter and of the vision tower if there are any.
std::vector<Checkpoint> open_checkpoints(const ComponentFiles& files);

/// A family as its plug-in declares it. Set exactly one of the four makers.
struct FamilyEntry {
  Spec spec;
  /// What configurations call it: `_class_name` (diffusers), `architectures` or `model_type` (transformers).
  std::vector<std::string> class_names;
  std::function<std::unique_ptr<Denoiser>(const ComponentFiles&, const LoadOptions&)> denoiser;
  std::function<std::unique_ptr<Vae>(const ComponentFiles&, const LoadOptions&)> vae;
  std::function<std::unique_ptr<TextEncoder>(const ComponentFiles&, const LoadOptions&)> text_encoder;
  std::function<std::unique_ptr<Captioner>(const ComponentFiles&, const LoadOptions&)> captioner;
};

class FamilyRegistry : public Registry<FamilyEntry> {
 public:
  /// The family that a configuration names by `_class_name`, `architectures` or `model_type`.
  /// Throws: std::runtime_error with the file, the class found and the known ones.
  const FamilyEntry& of(const Config& config) const;
};

/// Fills `registry` with every family in models/families/ (generated).
void register_families(FamilyRegistry& registry);

}  // namespace reel::models
