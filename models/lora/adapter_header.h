// What the header of a LoRA file says about its factors: peft's configuration of the adapter.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "models/files/tensor_file.h"
#include "models/lora/vocabulary.h"

namespace reel::models {

/// peft keeps ranks, alphas and the kind of an adapter apart from its factors: in the header of the file
/// (`lora_adapter_metadata`, as diffusers writes), or in `adapter_config.json` beside `adapter_model.safetensors`
/// (as peft writes). Every entry that changes what the factors mean is honoured or refused by name.
class AdapterHeader {
 public:
  /// Throws: std::runtime_error "[path] ..." for malformed entries, and for those that ask for what cannot be
  /// merged.
  explicit AdapterHeader(const TensorFile& file);
  ~AdapterHeader();

  /// Whether anything is said about the component.
  bool speaks_of(LoraTarget target) const;

  /// alpha / rank of a layer, or alpha / sqrt(rank). Empty if nothing is said about the component. `path` without
  /// prefixes. Throws: std::runtime_error if the rank said is not `rank`.
  std::optional<double> scale(LoraTarget target, const std::string& path, int64_t rank) const;

  /// Whether layers of the component have magnitudes (use_dora), or biases (lora_bias); empty: not said.
  std::optional<bool> dora(LoraTarget target) const;
  std::optional<bool> bias(LoraTarget target) const;

 private:
  struct Component;
  const Component* of(LoraTarget target) const;
  std::string place_;
  std::map<std::string, std::unique_ptr<Component>> components_;  // by the prefix of their entries
};

/// Whether peft applies a pattern of rank_pattern or alpha_pattern to a layer: a regular expression, which must
/// match the whole of its path or the end behind a dot. Throws: std::invalid_argument for an expression that
/// cannot be evaluated in bounded time.
bool pattern_names(const std::string& pattern, const std::string& path);

}  // namespace reel::models
