#include "attention/ops/frame/frame_attention_bf16.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "attention/ops/vector_math.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define REEL_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma")))
#endif

namespace reel::attention {
namespace {

constexpr int64_t kLanes = 16;  // f32 values, or pairs of bf16 values, in a register

int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

}  // namespace

Bf16Attention::Bf16Attention(int64_t keys, int64_t d)
    : keys_(keys),
      d_(d),
      pairs_((d + 1) / 2),
      span_((keys + 2 * kLanes - 1) / (2 * kLanes) * (2 * kLanes)),
      width_(padded(d)),
      key_(size_t(pairs_ * span_)),
      value_(size_t(span_ / 2 * width_)),
      query_(size_t(kQueries * pairs_)),
      map_(size_t(kQueries * span_ / 2)),
      logits_(size_t(kQueries * span_)),
      sums_(size_t(kQueries * width_)) {}

#if defined(__x86_64__)

bool has_bf16_dot_products() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

namespace {

REEL_BF16 inline __attribute__((always_inline)) __m512bh as_pairs(__m512i bits) {
  __m512bh pairs;
  std::memcpy(&pairs, &bits, sizeof pairs);
  return pairs;
}

/// result [4, columns] = a [4, depth pairs] b [depth pairs, columns]: sums of products of pairs.
REEL_BF16 void multiply(const uint32_t* a, int64_t a_pitch, const uint32_t* b, int64_t columns, int64_t depth,
                        float* result) {
  int64_t c = 0;
  for (; c + 2 * kLanes <= columns; c += 2 * kLanes) {
    __m512 sums[4][2] = {};
    for (int64_t k = 0; k < depth; ++k) {
      const __m512bh first = as_pairs(_mm512_loadu_si512(b + k * columns + c));
      const __m512bh second = as_pairs(_mm512_loadu_si512(b + k * columns + c + kLanes));
      for (int r = 0; r < 4; ++r) {
        const __m512bh left = as_pairs(_mm512_set1_epi32(static_cast<int>(a[r * a_pitch + k])));
        sums[r][0] = _mm512_dpbf16_ps(sums[r][0], left, first);
        sums[r][1] = _mm512_dpbf16_ps(sums[r][1], left, second);
      }
    }
    for (int r = 0; r < 4; ++r) {
      _mm512_storeu_ps(result + r * columns + c, sums[r][0]);
      _mm512_storeu_ps(result + r * columns + c + kLanes, sums[r][1]);
    }
  }
  if (c == columns) return;
  __m512 sums[4] = {};
  for (int64_t k = 0; k < depth; ++k) {
    const __m512bh right = as_pairs(_mm512_loadu_si512(b + k * columns + c));
    for (int r = 0; r < 4; ++r) {
      const __m512bh left = as_pairs(_mm512_set1_epi32(static_cast<int>(a[r * a_pitch + k])));
      sums[r] = _mm512_dpbf16_ps(sums[r], left, right);
    }
  }
  for (int r = 0; r < 4; ++r) _mm512_storeu_ps(result + r * columns + c, sums[r]);
}

REEL_BF16 float largest_of(const float* row, int64_t span) {
  __m512 most = _mm512_loadu_ps(row);
  for (int64_t j = kLanes; j < span; j += kLanes) most = _mm512_max_ps(most, _mm512_loadu_ps(row + j));
  return _mm512_reduce_max_ps(most);
}

/// e^(scale (x - largest)) of one row of `span` logits, as bf16 pairs; what lies beyond `keys` becomes 0. The
/// largest logit times `band`, if there is one, is added before: unscaled logits take it as scaled ones do.
/// Returns one over the sum of the values as rounded, so that the weights sum to one.
REEL_BF16 float exponentiate(float* row, int64_t keys, int64_t span, float scale, const float* band,
                             uint32_t* map) {
  std::fill(row + keys, row + span, -std::numeric_limits<float>::infinity());
  float largest = largest_of(row, span);
  if (band) {
    for (int64_t j = 0; j < keys; ++j) row[j] += largest * band[j];
    largest = largest_of(row, span);
  }
  for (int64_t j = 0; j < span; ++j) row[j] = fast_exp((row[j] - largest) * scale);
  for (int64_t j = keys; j < span; ++j) row[j] = 0;
  __m512 sum = _mm512_setzero_ps();
  const __m512bh ones = as_pairs(_mm512_set1_epi32(0x3f803f80));
  for (int64_t j = 0; j < span; j += 2 * kLanes) {
    const __m512bh rounded = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(row + j + kLanes), _mm512_loadu_ps(row + j));
    sum = _mm512_dpbf16_ps(sum, rounded, ones);
    std::memcpy(map + j / 2, &rounded, sizeof rounded);
  }
  return 1.0F / _mm512_reduce_add_ps(sum);
}

REEL_BF16 void write_row(const float* row, float factor, int64_t d, uint16_t* out) {
  const __m512 factors = _mm512_set1_ps(factor);
  for (int64_t c = 0; c < d; c += kLanes) {
    const __mmask16 mask = d - c >= kLanes ? 0xffff : static_cast<__mmask16>((1U << (d - c)) - 1);
    const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_mul_ps(_mm512_loadu_ps(row + c), factors));
    __m256i bits;
    std::memcpy(&bits, &rounded, sizeof bits);
    _mm256_mask_storeu_epi16(out + c, mask, bits);
  }
}

}  // namespace

void Bf16Attention::load(const uint16_t* k, int64_t k_stride, const uint16_t* v, int64_t v_stride) {
  for (int64_t x = 0; x < keys_; ++x) {
    const uint16_t* row = k + x * k_stride;
    for (int64_t c = 0; c < d_ / 2; ++c)
      std::memcpy(&key_[size_t(c * span_ + x)], row + 2 * c, sizeof(uint32_t));
    if (d_ % 2) key_[size_t((pairs_ - 1) * span_ + x)] = row[d_ - 1];
  }
  for (int64_t j = 0; j < keys_; j += 2) {
    const uint16_t* row = v + j * v_stride;
    uint32_t* to = &value_[size_t(j / 2 * width_)];
    if (j + 1 < keys_) {
      for (int64_t c = 0; c < d_; ++c) to[c] = row[c] | uint32_t{row[v_stride + c]} << 16;
    } else {
      for (int64_t c = 0; c < d_; ++c) to[c] = row[c];
    }
  }
}

void Bf16Attention::attend(const uint16_t* q, int64_t q_stride, int64_t count, float scale, const float* band,
                           uint16_t* out, int64_t out_stride) {
  for (int64_t first = 0; first < count; first += kQueries) {
    const int64_t some = std::min(kQueries, count - first);
    for (int64_t r = 0; r < some; ++r)
      std::memcpy(&query_[size_t(r * pairs_)], q + (first + r) * q_stride, size_t(d_) * sizeof(uint16_t));
    multiply(query_.data(), pairs_, key_.data(), span_, pairs_, logits_.data());
    float inverse[kQueries] = {};
    for (int64_t r = 0; r < some; ++r)
      inverse[r] = exponentiate(&logits_[size_t(r * span_)], keys_, span_, scale,
                                band ? band - (first + r) : nullptr, &map_[size_t(r * span_ / 2)]);
    multiply(map_.data(), span_ / 2, value_.data(), width_, (keys_ + 1) / 2, sums_.data());
    for (int64_t r = 0; r < some; ++r)
      write_row(&sums_[size_t(r * width_)], inverse[r], d_, out + (first + r) * out_stride);
  }
}

#else

bool has_bf16_dot_products() { return false; }
void Bf16Attention::load(const uint16_t*, int64_t, const uint16_t*, int64_t) {}
void Bf16Attention::attend(const uint16_t*, int64_t, int64_t, float, const float*, uint16_t*, int64_t) {}

#endif

}  // namespace reel::attention
