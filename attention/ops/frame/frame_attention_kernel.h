// The CUDA kernel of frame_attention, on raw pointers and a stream.
#pragma once

#include <cuda_runtime.h>

#include "attention/ops/frame/frame_map_arguments.h"
#include "attention/ops/kernel_type.h"

namespace reel::attention {

struct FrameAttentionArguments {
  FrameTensor q, k, v, out;  // out.data is written
  int64_t rows = 0, groups = 0, heads = 0, queries = 0, keys = 0, width = 0;
  float scale = 1;
  KernelType type = KernelType::kFloat;
  FrameMapArguments edit;
};

/// The form on tensor cores: f16 and bf16, at most 128 keys, tokens in packs of 16 bytes.
bool frame_attention_mma_fits(const FrameAttentionArguments& arguments);
void launch_frame_attention_mma(const FrameAttentionArguments& arguments, cudaStream_t stream);

/// The best form. Whether one head of a sequence fits in a block's registers (128 keys) and shared memory;
/// launch only then.
bool frame_attention_fits(const FrameAttentionArguments& arguments);
void launch_frame_attention(const FrameAttentionArguments& arguments, cudaStream_t stream);

}  // namespace reel::attention
