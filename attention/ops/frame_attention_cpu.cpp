// reel::frame_attention on the CPU: one sequence at a time, in registers and the first-level cache.
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "attention/ops/frame_attention.h"
#include "attention/ops/vector_math.h"

namespace reel::attention {
namespace {

/// Scratch of one thread, for one sequence and head, in f32.
struct Scratch {
  std::vector<float> query, key, value, logits, out;  // [F, d], [d, M] (transposed), [M, d], [M], [d]
  Scratch(int64_t f, int64_t m, int64_t d)
      : query(size_t(f * d)), key(size_t(d * m)), value(size_t(m * d)), logits(size_t(m)), out(size_t(d)) {}
};

/// Row i of the map, then of the result. Loops run over keys or channels, so that they vectorise without
/// reductions being reordered.
REEL_MULTIVERSION void attend_row(const float* query, const float* key, const float* value, float* logits,
                                  float* out, int64_t m, int64_t d, float scale) {
  for (int64_t j = 0; j < m; ++j) logits[j] = 0;
  for (int64_t c = 0; c < d; ++c) {
    const float q = query[c] * scale;
    const float* k = key + c * m;
    for (int64_t j = 0; j < m; ++j) logits[j] += q * k[j];
  }
  float largest = logits[0];
  for (int64_t j = 1; j < m; ++j) largest = logits[j] > largest ? logits[j] : largest;
  for (int64_t j = 0; j < m; ++j) logits[j] = fast_exp(logits[j] - largest);
  float sum = 0;
  for (int64_t j = 0; j < m; ++j) sum += logits[j];
  const float inverse = 1.0F / sum;
  for (int64_t c = 0; c < d; ++c) out[c] = 0;
  for (int64_t j = 0; j < m; ++j) {
    const float p = logits[j] * inverse;
    const float* v = value + j * d;
    for (int64_t c = 0; c < d; ++c) out[c] += p * v[c];
  }
}

template <class T>
void run(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& result,
         float scale) {
  const int64_t groups = q.size(1), heads = q.size(2), f = q.size(3), m = k.size(3), d = q.size(4);
  const T *qs = q.const_data_ptr<T>(), *ks = k.const_data_ptr<T>(), *vs = v.const_data_ptr<T>();
  T* out = result.mutable_data_ptr<T>();
  at::parallel_for(0, q.size(0) * groups, /*grain_size=*/8, [&](int64_t begin, int64_t end) {
    Scratch s(f, m, d);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r = i / groups, g = i % groups;
      for (int64_t h = 0; h < heads; ++h) {
        const auto base = [&](const at::Tensor& t) {
          return r * t.stride(0) + g * t.stride(1) + h * t.stride(2);
        };
        const T *qh = qs + base(q), *kh = ks + base(k), *vh = vs + base(v);
        for (int64_t x = 0; x < f; ++x) {
          for (int64_t c = 0; c < d; ++c)
            s.query[size_t(x * d + c)] = static_cast<float>(qh[x * q.stride(3) + c]);
        }
        for (int64_t x = 0; x < m; ++x) {
          for (int64_t c = 0; c < d; ++c)
            s.key[size_t(c * m + x)] = static_cast<float>(kh[x * k.stride(3) + c]);
          for (int64_t c = 0; c < d; ++c)
            s.value[size_t(x * d + c)] = static_cast<float>(vh[x * v.stride(3) + c]);
        }
        T* target = out + base(result);
        for (int64_t x = 0; x < f; ++x) {
          attend_row(s.query.data() + x * d, s.key.data(), s.value.data(), s.logits.data(), s.out.data(), m,
                     d, scale);
          for (int64_t c = 0; c < d; ++c) target[x * result.stride(3) + c] = static_cast<T>(s.out[size_t(c)]);
        }
      }
    }
  });
}

at::Tensor frame_attention_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  const at::Tensor result = at::empty({q.size(0), q.size(3), q.size(1), q.size(2), q.size(4)}, q.options())
                                .permute({0, 2, 3, 1, 4});
  if (result.numel() == 0) return result;
  if (k.size(3) == 0) return result.zero_();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, q.scalar_type(), "frame_attention",
                                  [&] { run<scalar_t>(q, k, v, result, static_cast<float>(scale)); });
  return result;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CPU, library) { library.impl("frame_attention", frame_attention_cpu); }

}  // namespace reel::attention
