// Rotary position embedding: queries and keys turned by angles that grow with their positions.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace reel::attention {

/// Which channels of a head turn, by which position, how fast. One description serves 1-D rotary (a
/// language model), M-RoPE (time, height and width share the channels) and 3-D video rotary.
/// Source: Su et al., RoFormer (2104.09864); M-RoPE: Wang et al., Qwen2-VL (2409.12191).
struct Rotary {
  /// kHalves: channel i turns with channel i + D / 2 of the D channels that turn (GPT-NeoX, Llama, Qwen).
  /// kInterleaved: channel 2i turns with channel 2i + 1 (GPT-J, CogVideoX, Wan).
  enum class Pairs { kHalves, kInterleaved };

  Pairs pairs = Pairs::kHalves;
  /// [D / 2] f64: radians a unit of position for each pair. D <= d; the channels behind D stay as they are.
  at::Tensor frequencies;
  /// [D / 2]: which axis of `positions` turns each pair. Empty: the first axis turns all.
  std::vector<int64_t> axes;
  /// Multiplies cosines and sines (YaRN's attention factor).
  double factor = 1;

  /// frequencies base^(-2i / channels), i = 0 ... channels / 2 - 1.
  static Rotary plain(int64_t channels, double base = 10000, Pairs pairs = Pairs::kHalves);
  /// Video rotary: the first sections[0] channels turn with axis 0, the next sections[1] with axis 1, ...,
  /// each with frequencies of its own size: base^(-2i / sections[a]).
  static Rotary sections(const std::vector<int64_t>& channels_of_axis, double base = 10000,
                         Pairs pairs = Pairs::kInterleaved);
  /// M-RoPE: frequencies as plain(), of which the first pairs_of_axis[0] take axis 0, the next axis 1, ...
  static Rotary shared(const std::vector<int64_t>& pairs_of_axis, double base);
};

/// Cosines and sines of the angles at some positions, for a model whose layers share them.
struct RotaryAngles {
  const Rotary* rotary = nullptr;
  at::Tensor positions;     // [R or 1, G or 1, heads or 1, N, axes]
  at::Tensor cosine, sine;  // [R or 1, G or 1, heads or 1, N, D / 2] f32, times Rotary::factor
  bool are_of(const Rotary* other, const at::Tensor& places) const {
    return rotary == other && positions.is_same(places);
  }
};

/// Angles are taken in f64, as positions reach 10^5. `rotary` must outlive the result.
/// Throws: c10::Error if positions have fewer axes than the description names.
RotaryAngles angles_at(const Rotary& rotary, const at::Tensor& positions);

/// x [R, G, heads, N, d] turned by the angles; products in f32, in x's dtype.
at::Tensor turned(const at::Tensor& x, const RotaryAngles& angles);

/// x [R, G, heads, N, d] turned to its positions [R or 1, G or 1, heads or 1, N, axes]: turned(x, angles_at(rotary, positions)).
at::Tensor rotated(const Rotary& rotary, const at::Tensor& x, const at::Tensor& positions);

}  // namespace reel::attention
