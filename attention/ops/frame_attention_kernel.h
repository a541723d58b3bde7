// The CUDA kernel of frame_attention, on raw pointers and a stream.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "attention/ops/kernel_type.h"

namespace reel::attention {

/// A tensor [R, G, heads, N, d] with d contiguous; strides in elements.
struct FrameTensor {
  const void* data = nullptr;
  int64_t row = 0, group = 0, head = 0, token = 0;
};

struct FrameAttentionArguments {
  FrameTensor q, k, v, out;  // out.data is written
  int64_t rows = 0, groups = 0, heads = 0, queries = 0, keys = 0, width = 0;
  float scale = 1;
  KernelType type = KernelType::kFloat;
};

/// Whether one head of a sequence fits in a block's registers (128 keys) and shared memory; launch only then.
bool frame_attention_fits(const FrameAttentionArguments& arguments);
void launch_frame_attention(const FrameAttentionArguments& arguments, cudaStream_t stream);

}  // namespace reel::attention
