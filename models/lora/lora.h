// LoRAs, merged into weights as they are loaded.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/lora/lora_file.h"
#include "models/weights.h"

namespace reel::models {

/// The LoRA files of one component. Each adds strength * alpha / rank * (product of its factors) to weights;
/// models/lora/layer_change.h lists the kinds, models/lora/vocabulary.h the names that are read.
///
/// Nothing of a file is left out in silence: what is not understood, does not fit, or belongs to no layer of the model
/// is an error. Factors are views of the file; only the layer in hand has a copy.
class LoraSet {
 public:
  explicit LoraSet(LoraTarget target) : target_(target) {}

  /// Throws: std::runtime_error as read_lora_file.
  void add(const std::string& path, double strength);
  bool empty() const { return layers_.empty(); }

  /// For LoadOptions::patch. This object must outlive the load. The patch knows weights by their full names in the
  /// component. Before any weight is read it throws std::runtime_error if a layer of a file is none of the model's,
  /// or of another shape.
  std::shared_ptr<LoadOptions::Patch> patch();

  /// What the user should know, one sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  void begin(const Checkpoint& component);
  void apply(const std::string& tensor, at::Tensor& value) const;

  struct Use {
    const LayerChange* change;
    bool bias;  // whether the tensor is the layer's bias
  };
  LoraTarget target_;
  std::vector<LoraLayer> layers_;  // in the order in which the files were given
  size_t files_ = 0;
  std::vector<std::string> warnings_;
  bool begun_ = false;
  std::map<std::string, std::vector<Use>> uses_;  // by the name of the tensor
};

}  // namespace reel::models
