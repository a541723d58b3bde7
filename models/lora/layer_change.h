// What a LoRA file changes in one layer, by the kind of its factors.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/lora/vocabulary.h"

namespace reel::models {

/// The tensors of one layer in a LoRA file, as views of the file, and how much they count.
///
/// weight' = weight + scale * product(factors), where the product is that of
///   a pair          up down
///   with a middle   up mid down (LoCon: a small kernel between two convolutions of width 1)
///   an embedding    (up down)^T
///   LoHa            (w1_a w1_b) * (w2_a w2_b), element by element, either with a middle
///   LoKr            w1 (x) w2, Kronecker's product, either whole or as a pair, w2 also with a middle
/// and `diff` counts as a whole. A DoRA then gives each row of weight' the length that its magnitudes say:
/// magnitude * weight' / |weight'|. Sources: peft (tuners/lora), LyCORIS (modules/, functional/), kohya's sd-scripts.
struct LayerChange {
  std::string file, module;  // as the file names the layer, for messages
  std::map<LoraPart, at::Tensor> parts;
  double scale = 1;     // alpha / rank or alpha / sqrt(rank)
  double strength = 1;  // as the user says

  bool has(LoraPart part) const { return parts.count(part) > 0; }
  bool changes_weight() const;  // not only the bias
  bool changes_bias() const { return has(LoraPart::kUpBias) || has(LoraPart::kDiffBias); }

  /// Rank of the factors, which alpha counts for. Empty where it counts for nothing.
  std::optional<int64_t> rank() const;

  /// Shape of the change: that of the weight, or flattened to [out, rest]. After check_factors().
  std::vector<int64_t> shape() const;
  bool fits(at::IntArrayRef weight) const;

  /// Adds the change to `weight` (f32), which may have been changed by others; `original`: before any change. A
  /// DoRA is taken of the original, as peft does with several adapters. Throws: std::runtime_error if the
  /// result has values that are no finite numbers.
  void add_to_weight(at::Tensor& weight, const at::Tensor& original) const;
  void add_to_bias(at::Tensor& bias) const;

  const at::Tensor& at(LoraPart part) const { return parts.at(part); }
  bool has_dora() const { return has(LoraPart::kMagnitude) || has(LoraPart::kDoraScale); }
  /// Whether a DoRA has a magnitude for each input, [1, in, 1...], instead of each output.
  bool dora_counts_inputs() const;
  /// Throws: std::runtime_error "[file] 'module' what".
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  at::Tensor product() const;  // [out, rest], f32, not scaled
  at::Tensor matrix(LoraPart part) const;
  std::vector<int64_t> kron_shape() const;
};

/// [out, in, kernel...] of a middle [i, j, kernel...] between factors [i, out] and [j, in].
std::vector<int64_t> shape_with_middle(const at::Tensor& mid, int64_t out, int64_t in);

}  // namespace reel::models
