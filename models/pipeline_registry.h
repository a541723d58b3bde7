// Pipelines: what the class name of a model folder means. Each pipeline is one plug-in file, found by the
// `_class_name` of model_index.json or by what lies in the folder.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "attention/plugin/spec.h"
#include "models/model_folder.h"

namespace reel::models {

/// A pipeline class as its plug-in declares it.
struct PipelineEntry {
  Spec spec;
  /// `_class_name`s of model_index.json. The first is the name of folders that are recognised without one.
  std::vector<std::string> class_names;
  /// Whether a folder without model_index.json holds such a model; empty: none does.
  /// Throws: std::runtime_error if the folder seems to, but its files are broken or incomplete.
  std::function<bool(const std::string& folder)> recognises;
  /// Fills in what the folder and the class say: components, scheduler, latent, defaults, limits, conditions.
  /// `model` has path, motion_adapter and pipeline_class already. `generation`: generation_config.json, empty
  /// if there is none; what it says of `defaults` and prompt words is applied afterwards.
  /// Throws: std::runtime_error with what is missing; std::invalid_argument for an adapter that it cannot use.
  std::function<void(ModelFolder& model, const Config& generation)> open;
};

class PipelineRegistry : public Registry<PipelineEntry> {
 public:
  /// The pipeline that a model_index.json names.
  /// Throws: std::runtime_error with the file, the class found and the known ones.
  const PipelineEntry& of(const Config& index) const;

  /// The pipeline that recognises a folder without model_index.json; nullptr if none does.
  /// Throws: std::runtime_error as `recognises` does.
  const PipelineEntry* recognising(const std::string& folder) const;
};

/// Fills `registry` with every pipeline in models/pipelines/ (generated).
void register_pipelines(PipelineRegistry& registry);

/// Every pipeline of this build. Model folders are opened in many places, and nothing ever changes the list.
const PipelineRegistry& known_pipelines();

}  // namespace reel::models
