// Attention over few keys: many short sequences, as temporal layers have them, and text.
#pragma once

#include "attention/ops/frame/frame_map_edit.h"

namespace reel::attention {

/// The most keys and the widest head that frame_attention takes.
constexpr int64_t kMostKeys = 256, kWidestHead = 512;

/// softmax(scale q k^T) v for few keys, without forming maps in memory; with `edit`, of the edited maps.
/// Shapes: q [R, G, heads, F, d], k and v [R, G or 1, heads, M, d], M <= 256, d <= 512, d contiguous; any
/// strides otherwise. With G = 1, k and v are shared by all sequences of a row. An edit needs M = F. Returns
/// [R, G, heads, F, d], laid out as [R, F, G, heads, d] (F frames, G places) if frames lie so in q, else as
/// [R, G, F, heads, d]: merging the heads afterwards is a view. Throws: c10::Error for other shapes.
/// Deterministic for any number of threads; sums in f32. Source: the definition of attention; tests hold it
/// equal to ATen's.
at::Tensor frame_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                           const FrameMapEdit& edit = {});

/// An empty result of frame_attention in its layout.
at::Tensor frame_attention_result(const at::Tensor& q);

/// The same from ATen's operators, with copies and, for an edit, with its maps in memory: for devices without
/// a kernel of their own and for sizes beyond one. The definition that kernels are held to.
at::Tensor frame_attention_composed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    double scale, const FrameMapEdit& edit = {});

}  // namespace reel::attention
