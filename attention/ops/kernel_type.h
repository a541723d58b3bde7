// The element types that CUDA kernels are compiled for; no LibTorch header, so that kernels can include it.
#pragma once

namespace reel {

enum class KernelType { kFloat, kHalf, kBFloat16 };

}  // namespace reel
