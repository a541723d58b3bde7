// reel::layer_norm on the CPU: a row is read from memory once, kept in f32, and written once.
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "attention/ops/vector_math.h"
#include "models/ops/layer_norm.h"

namespace reel::models {
namespace {

constexpr int64_t kLanes = 16;

/// Sum of (x - offset)^power, power 1 or 2. By lanes, since compilers leave sums of floats in order.
template <int Power>
REEL_INLINE float sum_of(const float* x, int64_t n, float offset) {
  float sums[kLanes] = {};
  int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) {
    for (int64_t i = 0; i < kLanes; ++i) {
      const float value = x[c + i] - offset;
      sums[i] += Power == 1 ? value : value * value;
    }
  }
  float sum = 0;
  for (; c < n; ++c) sum += Power == 1 ? x[c] - offset : (x[c] - offset) * (x[c] - offset);
  for (int64_t i = 0; i < kLanes; ++i) sum += sums[i];
  return sum;
}

/// `rows` rows of `width` values; `row` is their scratch; positions may be null.
template <class T>
REEL_MULTIVERSION void norm_rows(const T* x, const float* weight, const float* bias, const float* positions,
                                 int64_t rows, int64_t width, float eps, float* row, T* y) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = x + r * width;
    T* to = y + r * width;
    for (int64_t c = 0; c < width; ++c) row[c] = static_cast<float>(from[c]);
    const float mean = sum_of<1>(row, width, 0) / static_cast<float>(width);
    const float inverse = 1.0F / std::sqrt(sum_of<2>(row, width, mean) / static_cast<float>(width) + eps);
    if (positions) {
      for (int64_t c = 0; c < width; ++c)
        to[c] = static_cast<T>((row[c] - mean) * inverse * weight[c] + bias[c] + positions[c]);
    } else {
      for (int64_t c = 0; c < width; ++c)
        to[c] = static_cast<T>((row[c] - mean) * inverse * weight[c] + bias[c]);
    }
  }
}

constexpr int64_t kRows = 64;  // taken by a thread at once

template <class T>
void run(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& positions,
         double eps, const at::Tensor& y) {
  const int64_t width = x.size(-1), rows = x.numel() / width;
  // With positions, rows of one frame are taken together.
  const int64_t places = positions.defined() ? x.size(2) : rows, frames = rows / places;
  const int64_t blocks = (places + kRows - 1) / kRows;
  const T* from = x.const_data_ptr<T>();
  T* to = y.mutable_data_ptr<T>();
  const float *w = weight.const_data_ptr<float>(), *b = bias.const_data_ptr<float>(),
              *p = positions.defined() ? positions.const_data_ptr<float>() : nullptr;
  at::parallel_for(0, frames * blocks, /*grain_size=*/4, [&](int64_t begin, int64_t end) {
    std::vector<float> row(static_cast<size_t>(width));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t frame = i / blocks, first = i % blocks * kRows;
      const int64_t offset = (frame * places + first) * width;
      norm_rows(from + offset, w, b, p ? p + frame % positions.size(0) * width : nullptr,
                std::min(kRows, places - first), width, static_cast<float>(eps), row.data(), to + offset);
    }
  });
}

at::Tensor layer_norm_cpu(const at::Tensor& x, const std::optional<at::Tensor>& weight,
                          const std::optional<at::Tensor>& bias, const std::optional<at::Tensor>& positions,
                          double eps) {
  const at::Tensor y = at::empty_like(x);
  if (x.numel() == 0) return y;
  const at::Tensor w = weight ? weight->to(at::kFloat).contiguous() : at::ones({x.size(-1)});
  const at::Tensor b = bias ? bias->to(at::kFloat).contiguous() : at::zeros({x.size(-1)});
  const at::Tensor p = positions ? positions->to(at::kFloat) : at::Tensor();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "layer_norm",
                                  [&] { run<scalar_t>(x, w, b, p, eps, y); });
  return y;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CPU, library) { library.impl("layer_norm", layer_norm_cpu); }

}  // namespace reel::models
