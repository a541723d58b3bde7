// The arithmetic of reel::frame_attention in bf16, for CPUs with a bf16 dot product.
#pragma once

#include <cstdint>
#include <vector>

namespace reel::attention {

/// Whether this CPU (and compiler) has the instructions: AVX-512 BF16.
bool has_bf16_dot_products();

/// One thread's working memory for sequences of up to `keys` keys and `width` channels, and the computation
/// on it: softmax(scale q k^T) v with products of bf16 values summed in f32, and the map rounded to bf16
/// before it meets the values. Rows are of `d` values, strides apart; all values are the bits of bf16.
class Bf16Attention {
 public:
  Bf16Attention(int64_t keys, int64_t d);

  /// Takes the keys and values of a sequence.
  void load(const uint16_t* k, int64_t k_stride, const uint16_t* v, int64_t v_stride);
  /// Answers `count` queries; scale >= 0. With a `band` (band[x] of the distance x = key - query), the row's
  /// largest logit times it is added to the logits.
  void attend(const uint16_t* q, int64_t q_stride, int64_t count, float scale, const float* band,
              uint16_t* out, int64_t out_stride);

 private:
  static constexpr int64_t kQueries = 4;  // answered together: each vector of keys serves four
  int64_t keys_, d_, pairs_, span_, width_;
  std::vector<uint32_t> key_, value_, query_, map_;  // pairs of bf16
  std::vector<float> logits_, sums_;
};

}  // namespace reel::attention
