// Which layer of a model a name in a LoRA file means.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace reel::models {

/// The layers of a component under all names that LoRA files have for them: diffusers', those of the original
/// code (models/layouts/original_unet.h), AnimateDiff's, OpenCLIP's, and kohya's with underscores for dots.
class LayerNames {
 public:
  /// `tensors`: the names of the component's tensors, as its network asks for them.
  explicit LayerNames(const std::vector<std::string>& tensors);

  /// The layer of a flat name (flat_layer_name). Empty if no layer has it.
  std::optional<std::string> find(const std::string& flat) const;

 private:
  void add(const std::string& name, const std::string& layer);
  std::map<std::string, std::string> layers_;  // by flat name
};

}  // namespace reel::models
