// reel::frame_attention on the CPU: one sequence at a time, in registers and the first-level cache.
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <limits>

#include "attention/ops/frame_attention.h"
#include "attention/ops/frame_attention_bf16.h"
#include "attention/ops/vector_math.h"

namespace reel::attention {
namespace {

// Sixteen floats: one register of AVX-512, two of AVX2; the compiler splits them where there are neither.
using Lanes = float __attribute__((vector_size(64)));
constexpr int64_t kLanes = 16;

/// `n` rounded up to whole vectors.
int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

/// One sequence and head of one thread, in f32, rows padded to whole vectors with zeros.
struct Scratch {
  int64_t width, span;                   // d and M, padded
  std::vector<Lanes> query, key, value;  // [F, d], [d, M] (transposed), [M, d]
  std::vector<Lanes> map;                // [F, M]
  Scratch(int64_t f, int64_t m, int64_t d)
      : width(padded(d)),
        span(padded(m)),
        query(size_t(f * width / kLanes)),
        key(size_t(width * span / kLanes)),
        value(size_t(m * width / kLanes)),
        map(size_t(f * span / kLanes)) {}
};

/// Reads `rows` rows of `d` values, `stride` apart, into rows of `width` floats, multiplied by `scale`.
template <class T>
REEL_MULTIVERSION void read_rows(const T* from, int64_t stride, int64_t rows, int64_t d, int64_t width,
                                 float scale, float* to) {
  for (int64_t x = 0; x < rows; ++x) {
    const T* source = from + x * stride;
    float* target = to + x * width;
    for (int64_t c = 0; c < d; ++c) target[c] = static_cast<float>(source[c]) * scale;
  }
}

REEL_MULTIVERSION void transpose(const float* from, int64_t rows, int64_t d, int64_t width, int64_t span,
                                 float* to) {
  for (int64_t x = 0; x < rows; ++x) {
    for (int64_t c = 0; c < d; ++c) to[c * span + x] = from[x * width + c];
  }
}

/// result [rows, Vectors x 16] = a [rows, depth] b [depth, Vectors x 16]: a block of the result stays in
/// registers while the depth runs, four rows at a time so that each vector of b serves four.
template <int Vectors>
REEL_INLINE void multiply_block(const float* a, int64_t a_pitch, const float* b, int64_t b_pitch,
                                int64_t rows, int64_t depth, float* result, int64_t result_pitch) {
  int64_t x = 0;
  for (; x + 4 <= rows; x += 4) {
    Lanes sums[4][Vectors] = {};
    for (int64_t k = 0; k < depth; ++k) {
      const float* from = b + k * b_pitch;
      for (int v = 0; v < Vectors; ++v) {
        Lanes lane;
        std::memcpy(&lane, from + v * kLanes, sizeof lane);
        for (int r = 0; r < 4; ++r) sums[r][v] += a[(x + r) * a_pitch + k] * lane;
      }
    }
    for (int r = 0; r < 4; ++r) std::memcpy(result + (x + r) * result_pitch, sums[r], sizeof sums[r]);
  }
  for (; x < rows; ++x) {
    Lanes sums[Vectors] = {};
    for (int64_t k = 0; k < depth; ++k) {
      for (int v = 0; v < Vectors; ++v) {
        Lanes lane;
        std::memcpy(&lane, b + k * b_pitch + v * kLanes, sizeof lane);
        sums[v] += a[x * a_pitch + k] * lane;
      }
    }
    std::memcpy(result + x * result_pitch, sums, sizeof sums);
  }
}

/// result [rows, columns] = a [rows, depth] b [depth, columns]; columns are whole vectors.
REEL_MULTIVERSION void multiply(const float* a, int64_t a_pitch, const float* b, int64_t columns,
                                int64_t rows, int64_t depth, float* result) {
  int64_t c = 0;
  for (; c + 2 * kLanes <= columns; c += 2 * kLanes)
    multiply_block<2>(a, a_pitch, b + c, columns, rows, depth, result + c, columns);
  if (c < columns) multiply_block<1>(a, a_pitch, b + c, columns, rows, depth, result + c, columns);
}

/// Each row of the map: e^(x - largest) over its first m values, divided by their sum. Written by lanes,
/// since compilers leave sums and maxima of floats in order.
REEL_MULTIVERSION void softmax_rows(float* map, int64_t rows, int64_t m, int64_t span) {
  for (int64_t x = 0; x < rows; ++x) {
    float* row = map + x * span;
    for (int64_t j = m; j < span; ++j) row[j] = -std::numeric_limits<float>::infinity();
    float most[kLanes], sums[kLanes] = {};
    for (int64_t i = 0; i < kLanes; ++i) most[i] = row[i];
    for (int64_t j = kLanes; j < span; j += kLanes) {
      for (int64_t i = 0; i < kLanes; ++i) most[i] = row[j + i] > most[i] ? row[j + i] : most[i];
    }
    float largest = most[0];
    for (int64_t i = 1; i < kLanes; ++i) largest = most[i] > largest ? most[i] : largest;
    for (int64_t j = 0; j < span; j += kLanes) {
      for (int64_t i = 0; i < kLanes; ++i) {
        row[j + i] = fast_exp(row[j + i] - largest);
        sums[i] += row[j + i];
      }
    }
    float sum = 0;
    for (int64_t i = 0; i < kLanes; ++i) sum += sums[i];
    const float inverse = 1.0F / sum;
    for (int64_t j = 0; j < span; ++j) row[j] *= inverse;
  }
}

template <class T>
REEL_MULTIVERSION void write_rows(const float* from, int64_t width, int64_t rows, int64_t d, T* to,
                                  int64_t stride) {
  for (int64_t x = 0; x < rows; ++x) {
    for (int64_t c = 0; c < d; ++c) to[x * stride + c] = static_cast<T>(from[x * width + c]);
  }
}

float* floats(std::vector<Lanes>& lanes) { return reinterpret_cast<float*>(lanes.data()); }

/// Where the sequence and head i of a tensor [R, G or 1, heads, N, d] begin.
int64_t offset_of(const at::Tensor& t, int64_t i, int64_t groups, int64_t heads) {
  const int64_t r = i / (groups * heads), g = i / heads % groups, h = i % heads;
  return r * t.stride(0) + (t.size(1) == 1 ? 0 : g * t.stride(1)) + h * t.stride(2);
}

/// Queries whose maps are formed together: with 256 keys they and the keys stay in the second-level cache.
constexpr int64_t kQueries = 64;

template <class T>
void run(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& result,
         float scale) {
  const int64_t groups = q.size(1), heads = q.size(2), f = q.size(3), m = k.size(3), d = q.size(4);
  const T *qs = q.const_data_ptr<T>(), *ks = k.const_data_ptr<T>(), *vs = v.const_data_ptr<T>();
  T* out = result.mutable_data_ptr<T>();
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, f * m));
  at::parallel_for(0, q.size(0) * groups * heads, grain, [&](int64_t begin, int64_t end) {
    Scratch s(std::min(f, kQueries), m, d);
    float *query = floats(s.query), *key = floats(s.key), *value = floats(s.value), *map = floats(s.map);
    for (int64_t i = begin; i < end; ++i) {
      const auto base = [&](const at::Tensor& t) { return offset_of(t, i, groups, heads); };
      read_rows(ks + base(k), k.stride(3), m, d, s.width, 1.0F, value);
      transpose(value, m, d, s.width, s.span, key);
      read_rows(vs + base(v), v.stride(3), m, d, s.width, 1.0F, value);
      for (int64_t first = 0; first < f; first += kQueries) {
        const int64_t count = std::min(kQueries, f - first);
        read_rows(qs + base(q) + first * q.stride(3), q.stride(3), count, d, s.width, scale, query);
        multiply(query, s.width, key, s.span, count, d, map);
        softmax_rows(map, count, m, s.span);
        multiply(map, s.span, value, s.width, count, m, query);  // the queries have served
        write_rows(query, s.width, count, d, out + base(result) + first * result.stride(3), result.stride(3));
      }
    }
  });
}

void run_bf16(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& result,
              float scale) {
  const int64_t groups = q.size(1), heads = q.size(2), f = q.size(3), m = k.size(3), d = q.size(4);
  const auto bits = [](const at::Tensor& t) {
    return reinterpret_cast<const uint16_t*>(t.const_data_ptr<at::BFloat16>());
  };
  const uint16_t *qs = bits(q), *ks = bits(k), *vs = bits(v);
  auto* out = reinterpret_cast<uint16_t*>(result.mutable_data_ptr<at::BFloat16>());
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, f * m));
  at::parallel_for(0, q.size(0) * groups * heads, grain, [&](int64_t begin, int64_t end) {
    Bf16Attention attention(m, d);
    for (int64_t i = begin; i < end; ++i) {
      const auto at = [&](const at::Tensor& t) { return offset_of(t, i, groups, heads); };
      attention.load(ks + at(k), k.stride(3), vs + at(v), v.stride(3));
      attention.attend(qs + at(q), q.stride(3), f, scale, out + at(result), result.stride(3));
    }
  });
}

at::Tensor frame_attention_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  const at::Tensor result = frame_attention_result(q);
  if (result.numel() == 0) return result;
  if (k.size(3) == 0) return result.zero_();
  if (q.scalar_type() == at::kBFloat16 && scale >= 0 && has_bf16_dot_products()) {
    run_bf16(q, k, v, result, static_cast<float>(scale));
    return result;
  }
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, q.scalar_type(), "frame_attention",
                                  [&] { run<scalar_t>(q, k, v, result, static_cast<float>(scale)); });
  return result;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CPU, library) { library.impl("frame_attention", frame_attention_cpu); }

}  // namespace reel::attention
