// reel::group_norm_channels_last and reel::geglu on CUDA devices.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "attention/ops/kernel_type_of.h"
#include "models/ops/channel_norm_kernel.h"

namespace reel::models {
namespace {

void check_size(int64_t elements) {
  TORCH_CHECK(elements < kMostKernelElements, "[CUDA kernel] at most ", kMostKernelElements,
              " elements an image, got ", elements, "; use smaller tiles, or --device cpu");
}

at::Tensor group_norm_cuda(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           int64_t groups, double eps, bool silu) {
  const c10::cuda::CUDAGuard guard(x.device());
  at::Tensor y = at::empty_like(x);
  if (x.numel() == 0) return y;
  const int64_t images = x.size(0), positions = x.size(1) * x.size(2), channels = x.size(3);
  check_size(positions * channels);
  const at::Tensor own_weight = weight.to(x.scalar_type()).contiguous(),
                   own_bias = bias.to(x.scalar_type()).contiguous();
  const auto floats = x.options().dtype(at::kFloat);
  at::Tensor partial = at::empty({images, group_norm_blocks(positions), 2, channels}, floats),
             affine = at::empty({images, 2, channels}, floats);
  launch_group_norm({.x = x.const_data_ptr(),
                     .y = y.mutable_data_ptr(),
                     .weight = own_weight.const_data_ptr(),
                     .bias = own_bias.const_data_ptr(),
                     .partial = partial.mutable_data_ptr<float>(),
                     .affine = affine.mutable_data_ptr<float>(),
                     .images = images,
                     .positions = positions,
                     .channels = channels,
                     .groups = groups,
                     .eps = eps,
                     .silu = silu,
                     .type = kernel_type_of(x)},
                    c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return y;
}

at::Tensor geglu_cuda(const at::Tensor& x) {
  const c10::cuda::CUDAGuard guard(x.device());
  std::vector<int64_t> shape = x.sizes().vec();
  const int64_t inner = shape.back() /= 2;
  at::Tensor y = at::empty(shape, x.options());
  if (y.numel() == 0) return y;
  check_size(y.numel());
  launch_geglu(x.const_data_ptr(), y.mutable_data_ptr(), y.numel() / inner, inner, kernel_type_of(x),
               c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return y;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CUDA, library) {
  library.impl("group_norm_channels_last", group_norm_cuda);
  library.impl("geglu", geglu_cuda);
}

}  // namespace reel::models
