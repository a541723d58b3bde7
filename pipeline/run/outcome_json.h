// Outcomes as text and tensors, for the cache on disk.
#pragma once

#include "attention/plugin/edit_registry.h"
#include "pipeline/run/cache.h"

namespace reel::pipeline {

/// An outcome taken apart: JSON text that names tensors, and the tensors.
struct PackedOutcome {
  std::string json;
  std::map<std::string, at::Tensor> tensors;
};

/// Nothing if the outcome holds an edit that `edits` cannot restore from its text.
std::optional<PackedOutcome> pack(const Outcome& outcome, const attention::EditRegistry* edits);

/// Tensors that were not on the CPU go to `device`. Model folders are opened again.
/// Throws: any std::exception if the text is not what pack() writes, or if a model folder has changed since.
Outcome unpack(const PackedOutcome& packed, const attention::EditRegistry* edits, at::Device device);

}  // namespace reel::pipeline
