// Layer normalisation over the last dimension, with frame positions added in the same pass.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::models {

/// (x - mean) / sqrt(variance + eps) * weight + bias over the last dimension; if `positions` is defined, its
/// row f is then added to entry f of x's second dimension. Mean and variance in f32, in two passes; rounded
/// once.
/// Shapes: x [..., C], or [R, F, P, C] with positions [F, C], contiguous; weight, bias [C] or both undefined.
/// Returns the shape and dtype of x. Throws: c10::Error for other shapes.
/// Source: Ba, Kiros and Hinton, Layer Normalization, 2016, equation 4.
at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const at::Tensor& positions, double eps);

}  // namespace reel::models
