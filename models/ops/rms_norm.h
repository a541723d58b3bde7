// Root-mean-square normalisation over the last dimension.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::models {

/// x / sqrt(mean(x^2) + eps) * weight over the last dimension. Sums in f32; the normalised value is rounded to the type of
/// x before it is multiplied by the weight, and the product is rounded again, as transformers' Llama does.
/// Shapes: x contiguous [..., C]; weight [C] in the type of x. Returns the shape and dtype of x.
/// Throws: c10::Error for other shapes.
/// Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019 (1910.07467).
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace reel::models
