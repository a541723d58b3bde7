// The CUDA kernel of frame_map_energy, on raw pointers and a stream.
#pragma once

#include <cuda_runtime.h>

#include "attention/ops/frame/frame_map_arguments.h"
#include "attention/ops/kernel_type.h"

namespace reel::attention {

struct FrameMapEnergyArguments {
  FrameTensor q, k;
  int64_t rows = 0, groups = 0, heads = 0, frames = 0, width = 0;
  float scale = 1;
  KernelType type = KernelType::kFloat;
  FrameMapArguments edit;
  float* sums =
      nullptr;  // [rows, groups x frame_map_energy_parts, 3]: of the maps, the guided ones, the high ones
  void* maps = nullptr;    // [rows, groups, heads, frames, frames] or null: the maps before guidance
  bool half_maps = false;  // f16, else f32
};

/// The form on tensor cores: f16 and bf16, at most 128 frames, tokens in packs of 16 bytes.
bool frame_map_energy_mma_fits(const FrameMapEnergyArguments& arguments);
void launch_frame_map_energy_mma(const FrameMapEnergyArguments& arguments, cudaStream_t stream);

/// The best form. Whether one head of a sequence fits in a block's registers (128 frames) and shared memory;
/// launch only then.
bool frame_map_energy_fits(const FrameMapEnergyArguments& arguments);
/// How many partial sums there are for a sequence.
int64_t frame_map_energy_parts(const FrameMapEnergyArguments& arguments);
void launch_frame_map_energy(const FrameMapEnergyArguments& arguments, cudaStream_t stream);

/// energies[e][row]: `scale` x the sum of that row's `parts` partial sums e, always in the same order. [3,
/// rows].
void launch_energy_sums(const float* sums, int64_t rows, int64_t parts, double scale, double* energies,
                        cudaStream_t stream);
/// energy_gain of `count` rows.
void launch_energy_gain(const double* before, const double* guided, const double* high, double least,
                        int64_t count, float* gain, cudaStream_t stream);

}  // namespace reel::attention
