// Low-rank adapters, merged into weights as they are loaded.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "models/weights.h"

namespace reel::models {

/// Which component of a model the keys of a LoRA file address.
enum class LoraTarget { kDenoiser, kTextEncoder };

/// The LoRA files of one component. Each adds strength * alpha / rank * up down to a weight. Reads the
/// layouts of diffusers and peft (`unet.X.lora_A.weight`, `.lora.down.weight`,
/// `.processor.to_q_lora.down.weight`, with or without the prefix) and of kohya
/// (`lora_unet_X.lora_down.weight` with `.alpha`), with 4-D factors for convolutions.
class LoraSet {
 public:
  explicit LoraSet(LoraTarget target) : target_(target) {}

  /// Throws: std::runtime_error if the file has no LoRA pairs, or a factor without its partner.
  void add(const std::string& path, double strength);
  bool empty() const { return pieces_.empty(); }

  /// For LoadOptions::patch. This object must outlive the load. The patch knows weights by their full names
  /// in the component.
  std::shared_ptr<LoadOptions::Patch> patch();

  /// Modules of the files that match no weight: the LoRA is for another model, or in an unknown layout.
  std::vector<std::string> unused() const;

 private:
  struct Piece {
    at::Tensor down, up;  // [rank, in, ...], [out, rank, ...]
    double scale = 1;
    std::string module;  // as the file names it
  };
  std::vector<const Piece*> of(const std::string& weight) const;
  LoraTarget target_;
  std::multimap<std::string, Piece> pieces_;  // by module name, dots and underscores both as underscores
  mutable std::set<std::string> used_;
};

}  // namespace reel::models
