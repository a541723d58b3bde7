// How much energy the maps of attention along frames have, and what an edit does to it.
#pragma once

#include "attention/ops/frame/frame_map_edit.h"

namespace reel::attention {

struct FrameMapEnergy {
  at::Tensor before, guided, high;  // [R] f64
  at::Tensor maps;                  // [R, G, heads, F, F], if asked for
};

/// Mean squared norms of the rows of the maps A = softmax(scale q k^T) over sequences, heads and queries:
/// of A, after `edit.band`; of A drawn to `edit.anchor`; and of the high frequencies of that. `edit.gain`
/// plays no part. With `keep_maps`, the maps A themselves too: f32, or f16 on a GPU for inputs of half types.
/// Shapes: q, k [R, G, heads, F, d], F <= 256, d <= 512, d contiguous. Deterministic: sums in a fixed order.
/// Throws: c10::Error for other shapes.
FrameMapEnergy frame_map_energy(const at::Tensor& q, const at::Tensor& k, double scale,
                                const FrameMapEdit& edit, bool keep_maps = false);

/// The same from ATen's operators, with maps in memory: the definition that kernels are held to.
FrameMapEnergy frame_map_energy_composed(const at::Tensor& q, const at::Tensor& k, double scale,
                                         const FrameMapEdit& edit, bool keep_maps = false);

/// The factor of the high frequencies that gives the guided maps the energy back that they had before, at
/// least `least`: sqrt((before - low) / high), where low = guided - high; 1 where there are none (high below
/// 1e-8). [R] f32. One kernel on a GPU: ATen's for these few numbers would take 80 MB of the host's memory.
at::Tensor energy_gain(const at::Tensor& before, const at::Tensor& guided, const at::Tensor& high,
                       double least);

/// The same from ATen's operators.
at::Tensor energy_gain_composed(const at::Tensor& before, const at::Tensor& guided, const at::Tensor& high,
                                double least);

}  // namespace reel::attention
