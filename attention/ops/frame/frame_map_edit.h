// What the kernels of attention along frames can do to their maps on the way, without forming them in memory.
#pragma once

#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>

namespace reel::attention {

/// Changes of the maps of sequences of F frames, in this order; what is undefined changes nothing.
/// A map is softmax(S) of the logits S = scale q k^T [R, G, heads, F, F].
struct FrameMapEdit {
  /// [F] f32: S_ij += band_|i-j| max_j S_ij, before the softmax.
  at::Tensor band;
  /// Other maps [R, G', heads, F, F], f32 or f16, contiguous in the last two dimensions. The map of sequence
  /// g is drawn to the mean of theirs: A += alpha (sum_n weights_gn anchor_places_gn - A).
  at::Tensor anchor;
  at::Tensor places;   // [G, n] i32, in 0 to G' - 1
  at::Tensor weights;  // [G, n] f32, each row summing to one
  double alpha = 0;
  /// [R] f32: what each batch row multiplies the high frequencies of its maps' rows by: A += (gain - 1) A P.
  at::Tensor gain;
  /// [F] f32, of the circulant projector P_jl = high_|j-l| onto the high frequencies. Undefined: all
  /// frequencies but the mean.
  at::Tensor high;

  bool any() const { return band.defined() || anchor.defined() || gain.defined(); }

  /// The same for `count` batch rows from `first` on.
  FrameMapEdit rows(int64_t first, int64_t count) const {
    FrameMapEdit part = *this;
    if (anchor.defined()) part.anchor = anchor.narrow(0, first, count);
    if (gain.defined()) part.gain = gain.narrow(0, first, count);
    return part;
  }

  /// As arguments of an operator, which knows no such struct: empty, or the tensors in the order above.
  using Packed = c10::List<std::optional<at::Tensor>>;
  Packed pack() const;
  static FrameMapEdit unpack(const Packed& tensors, double alpha);

  /// Throws: c10::Error, named after `op`, for tensors that do not fit [R, G, heads, F, F].
  void check(const char* op, const at::Tensor& q, const at::Tensor& k) const;
};

/// The steps of an edited map by ATen's operators, f32 [R, G, heads, F, M]: what kernels are held to.
at::Tensor frame_maps(const at::Tensor& q, const at::Tensor& k, double scale, const FrameMapEdit& edit);
at::Tensor guided_maps(const at::Tensor& maps, const FrameMapEdit& edit);
at::Tensor high_frequencies(const at::Tensor& maps, const FrameMapEdit& edit);
/// Mean squared norm of their rows over sequences, heads and queries, [R] f64.
at::Tensor map_energy(const at::Tensor& maps);

}  // namespace reel::attention
