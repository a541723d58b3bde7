// The interface of a vision tower: pictures to the features that a projector turns into tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "attention/processor.h"

namespace reel::models {

/// What a tower makes of a picture: `extra` features (a class token) followed by a grid of `height` x `width` in
/// reading order.
struct FeatureGrid {
  int64_t height = 0, width = 0, extra = 0;
  int64_t count() const { return extra + height * width; }
};

/// The network that looks at pictures. It does not change after it was built, so several runs can share it.
class VisionTower {
 public:
  virtual ~VisionTower() = default;
  /// Prepared pictures [P, 3, H, W] -> features [P, grid(H, W).count(), width()], in the type that it computes in.
  /// `attend`: whose edits apply to its attention; null: none.
  /// Throws: std::invalid_argument for a size that it does not take.
  virtual at::Tensor features(const at::Tensor& pixels, attention::Processor* attend = nullptr) const = 0;
  /// What it makes of a picture of that size in pixels. Throws: as features().
  virtual FeatureGrid grid(int64_t height, int64_t width) const = 0;
  virtual int64_t width() const = 0;
  /// The layers of attention that run, in order of execution.
  virtual std::vector<attention::Site> sites() const = 0;
};

}  // namespace reel::models
