// reel::frame_attention on CUDA devices.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "attention/ops/frame/frame_attention.h"
#include "attention/ops/frame/frame_attention_kernel.h"
#include "attention/ops/frame/frame_map_arguments_of.h"
#include "attention/ops/kernel_type_of.h"

namespace reel::attention {
namespace {

at::Tensor frame_attention_cuda(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                                const FrameMapEdit::Packed& tensors, double alpha) {
  const c10::cuda::CUDAGuard guard(q.device());
  at::Tensor result = frame_attention_result(q);
  if (result.numel() == 0) return result;
  if (k.size(3) == 0) return result.zero_();
  const FrameMapEdit edit = FrameMapEdit::unpack(tensors, alpha);
  FrameAttentionArguments arguments{.q = frame_tensor_of(q, q.const_data_ptr()),
                                    .k = frame_tensor_of(k, k.const_data_ptr()),
                                    .v = frame_tensor_of(v, v.const_data_ptr()),
                                    .out = frame_tensor_of(result, result.mutable_data_ptr()),
                                    .rows = q.size(0),
                                    .groups = q.size(1),
                                    .heads = q.size(2),
                                    .queries = q.size(3),
                                    .keys = k.size(3),
                                    .width = q.size(4),
                                    .scale = static_cast<float>(scale),
                                    .type = kernel_type_of(q),
                                    .edit = frame_map_arguments_of(edit)};
  if (!frame_attention_fits(arguments)) return frame_attention_composed(q, k, v, scale, edit);
  launch_frame_attention(arguments, c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return result;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CUDA, library) { library.impl("frame_attention", frame_attention_cuda); }

}  // namespace reel::attention
