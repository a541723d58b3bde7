// What making a video will take in memory and work, from the plans of its model's components.
#pragma once

#include <optional>

#include "models/family.h"
#include "models/model_folder.h"

namespace reel::pipeline {

/// The sizes of a video that decide about memory and work.
struct VideoSize {
  int64_t frames = 16, width = 512, height = 512, steps = 20;
  bool guided = true;           // rows with and without the prompt
  bool text_per_frame = false;  // each frame has a text of its own
};

/// All but `flops` in bytes.
struct MemoryPlan {
  int64_t weights = 0, activations = 0;  // of all components; of the component that takes most
  int64_t output = 0;                    // decoded frames, f32
  /// Resident memory of this process at its peak: the program and its libraries, tensors on the host, and the pages
  /// of mapped files that are read as weights.
  int64_t host = 0;
  int64_t device =
      0;  // tensors at the peak and cuBLAS's workspace; other scratch memory is not counted; 0 for the CPU
  double flops = 0;  // of all steps: two for each multiply-add
};

/// Builds each component without data, and runs it so (models/plan.h). `dtype`: empty means each component's default,
/// as in ModelCache. Throws: as the families' makers.
MemoryPlan plan_memory(const models::FamilyRegistry& families, const models::ModelFolder& model,
                       at::Device device, std::optional<at::ScalarType> dtype, const VideoSize& size);

}  // namespace reel::pipeline
