// Low-rank adapters, merged into weights as they are loaded.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "models/weights.h"

namespace reel::models {

/// Which component of a model a LoRA key means.
enum class LoraTarget { kDenoiser, kTextEncoder };

/// LoRA files for one component: weight + strength * alpha / rank * up down. Reads the layouts of diffusers
/// and peft
/// (`unet.X.lora_A.weight`, `.lora.down.weight`, `.processor.to_q_lora.down.weight`, with or without the
/// prefix) and of kohya (`lora_unet_X.lora_down.weight` with `.alpha`); 4-D factors for convolutions.
class LoraSet {
 public:
  explicit LoraSet(LoraTarget target) : target_(target) {}

  /// Throws: std::runtime_error if the file has no LoRA pairs, or a factor without its partner.
  void add(const std::string& path, double strength);
  bool empty() const { return pieces_.empty(); }

  /// For LoadOptions::patch. This object must outlive the load; `weights` are the component's full names.
  std::shared_ptr<LoadOptions::Patch> patch();

  /// Modules that no weight asked for: wrong model, or a layout that is not known.
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
