// How an edit of maps along frames runs inside the kernels of `ops/frame`, without a map in memory.
#pragma once

#include "attention/call.h"
#include "attention/ops/frame/frame_map_edit.h"

namespace reel::attention {

/// An optional face of an edit (Edit::frame_form): its hooks are the definition, and what runs if another edit
/// needs the map, or sizes are beyond the kernels.
class FrameMapForm {
 public:
  virtual ~FrameMapForm() = default;
  /// Adds to `edit` what the edit does to the maps of the call. Edits of logits are called first, then edits
  /// of probabilities; `edit` already holds what the earlier ones added. The kernels take one edit of each
  /// kind. q and k are turned to their positions.
  virtual void fill(const Call& call, FrameMapEdit& edit) = 0;
};

}  // namespace reel::attention
