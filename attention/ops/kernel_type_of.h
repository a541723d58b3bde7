// From a tensor to the element type of the kernels that take it.
#pragma once

#include <ATen/core/Tensor.h>

#include "attention/ops/kernel_type.h"

namespace reel {

/// Throws: c10::Error for types that no kernel is compiled for.
inline KernelType kernel_type_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return KernelType::kFloat;
    case at::kHalf:
      return KernelType::kHalf;
    case at::kBFloat16:
      return KernelType::kBFloat16;
    default:
      TORCH_CHECK(false, "[CUDA kernel] f32, f16 and bf16 have kernels, got ", tensor.scalar_type(),
                  "; convert the tensor first");
  }
}

}  // namespace reel
