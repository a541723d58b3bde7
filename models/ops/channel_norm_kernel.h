// The CUDA kernels of group_norm_channels_last and geglu, on raw pointers and a stream.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "attention/ops/kernel_type.h"

namespace reel::models {

/// How many elements of an image (group norm) or of a result (geglu) the kernels can index.
constexpr int64_t kMostKernelElements = int64_t{1} << 31;

/// x [images, positions, channels] -> y, both contiguous and of `type`; weight and bias [channels] of `type`.
/// `partial` holds group_norm_blocks(...) x images x 2 x channels floats, `affine` images x 2 x channels.
struct GroupNormArguments {
  const void* x = nullptr;
  void* y = nullptr;
  const void *weight = nullptr, *bias = nullptr;
  float *partial = nullptr, *affine = nullptr;
  int64_t images = 0, positions = 0, channels = 0, groups = 1;
  double eps = 0;
  bool silu = false;
  KernelType type = KernelType::kFloat;
};

/// Into how many blocks of positions the sums of an image are split: a function of its size alone, so that an
/// image's result depends neither on the card nor on the images beside it.
int64_t group_norm_blocks(int64_t positions);
void launch_group_norm(const GroupNormArguments& arguments, cudaStream_t stream);

/// x [rows, 2 inner] -> y [rows, inner].
void launch_geglu(const void* x, void* y, int64_t rows, int64_t inner, KernelType type, cudaStream_t stream);

}  // namespace reel::models
