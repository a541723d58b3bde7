// Attention for many short sequences, as temporal layers have them.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::attention {

/// The longest sequence and widest head that frame_attention takes.
constexpr int64_t kMaxShortSequence = 128, kMaxShortWidth = 512;

/// softmax(scale q k^T) v for short sequences, without forming maps in memory.
/// Shapes: q [R, G, heads, F, d], k and v [R, G, heads, M, d], F and M <= 128, d <= 512, d contiguous; any
/// strides otherwise. Returns [R, G, heads, F, d], laid out as [R, F, G, heads, d]: merging the heads
/// afterwards is a view. Throws: c10::Error for other shapes. Deterministic for any number of threads; sums
/// in f32. Source: the definition of attention; tests hold it equal to ATen's.
at::Tensor frame_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale);

/// The same from ATen's operators, with copies: for devices without a kernel of their own and for sizes
/// beyond one.
at::Tensor frame_attention_composed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    double scale);

}  // namespace reel::attention
