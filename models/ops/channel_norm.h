// Group normalisation of channels-last maps, with SiLU in the same pass.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::models {

/// (x - mean) / sqrt(variance + eps) * weight + bias over all positions and C / groups channels of each n,
/// then SiLU if asked. Statistics in f32 over blocks, combined in double in a fixed order: the same for any
/// number of threads. Shapes: x [N, H, W, C] contiguous; weight, bias [C]. Returns the same shape and dtype.
/// Throws: c10::Error if C does not divide into groups, or x is not contiguous.
/// Source: Wu and He, Group Normalization, 2018, equations 1 to 4.
at::Tensor group_norm_channels_last(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                    int64_t groups, double eps, bool silu);

/// a * gelu(b) for x = [a, b] along the last dimension: [..., 2 D] -> [..., D]. Exact GELU.
/// Source: Shazeer, GLU Variants Improve Transformer, 2020.
at::Tensor geglu(const at::Tensor& x);

}  // namespace reel::models
