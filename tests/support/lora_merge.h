// Merges a LoRA file into a few weights as loading a model does, without a model.
#pragma once

#include <map>
#include <string>

#include "models/files/safetensors.h"
#include "models/lora/lora.h"
#include "tests/support/temporary_folder.h"

namespace reel::models {

using Tensors = std::map<std::string, at::Tensor>;

/// The tensors `base` of a component after `lora` was merged into them, its header being `metadata`.
inline Tensors merged_with(const Tensors& base, const std::string& lora_file, double strength = 1,
                           LoraTarget target = LoraTarget::kDenoiser) {
  const TemporaryFolder folder;
  write_safetensors(folder / "base.safetensors", base);
  LoraSet loras(target);
  loras.add(lora_file, strength);
  LoadOptions options;
  options.patch = loras.patch();
  const auto result =
      build_checked(Checkpoint::open(folder / "base.safetensors"), options, [&](const Weights& weights) {
        auto tensors = std::make_unique<Tensors>();
        for (const auto& [name, tensor] : base) {
          (*tensors)[name] = weights.get(name, tensor.sizes());
          if (!options.shapes_only && !weights.options().shapes_only)
            (*tensors)[name] = (*tensors)[name].clone();
        }
        return tensors;
      });
  return *result;
}

inline Tensors merged(const Tensors& base, const Tensors& lora,
                      const std::map<std::string, std::string>& metadata = {}, double strength = 1,
                      LoraTarget target = LoraTarget::kDenoiser) {
  const TemporaryFolder folder;
  write_safetensors(folder / "lora.safetensors", lora, metadata);
  return merged_with(base, folder / "lora.safetensors", strength, target);
}

/// What merging says against it; "" if nothing.
inline std::string merge_error(const Tensors& base, const Tensors& lora,
                               const std::map<std::string, std::string>& metadata = {},
                               LoraTarget target = LoraTarget::kDenoiser) {
  try {
    merged(base, lora, metadata, 1, target);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace reel::models
