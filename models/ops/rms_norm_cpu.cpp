// reel::rms_norm on the CPU: a row is read from memory once, kept in f32, and written once.
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "attention/ops/vector_math.h"
#include "models/ops/rms_norm.h"

namespace reel::models {
namespace {

constexpr int64_t kLanes = 16;

/// `rows` rows of `width` values; `row` is their scratch.
template <class T>
REEL_MULTIVERSION void norm_rows(const T* x, const float* weight, int64_t rows, int64_t width, float eps,
                                 float* row, T* y) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = x + r * width;
    T* to = y + r * width;
    for (int64_t c = 0; c < width; ++c) row[c] = static_cast<float>(from[c]);
    float sums[kLanes] = {};  // by lanes, since compilers leave sums of floats in order
    int64_t c = 0;
    for (; c + kLanes <= width; c += kLanes) {
      for (int64_t i = 0; i < kLanes; ++i) sums[i] += row[c + i] * row[c + i];
    }
    float sum = 0;
    for (; c < width; ++c) sum += row[c] * row[c];
    for (int64_t i = 0; i < kLanes; ++i) sum += sums[i];
    const float inverse = 1.0F / std::sqrt(sum / static_cast<float>(width) + eps);
    for (int64_t k = 0; k < width; ++k)
      to[k] = static_cast<T>(static_cast<float>(static_cast<T>(row[k] * inverse)) * weight[k]);
  }
}

constexpr int64_t kRows = 16;  // taken by a thread at once

template <class T>
void run(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y) {
  const int64_t width = x.size(-1), rows = x.numel() / width;
  const T* from = x.const_data_ptr<T>();
  T* to = y.mutable_data_ptr<T>();
  const float* w = weight.const_data_ptr<float>();
  at::parallel_for(0, (rows + kRows - 1) / kRows, /*grain_size=*/4, [&](int64_t begin, int64_t end) {
    std::vector<float> row(static_cast<size_t>(width));
    const int64_t first = begin * kRows, count = std::min(end * kRows, rows) - first;
    norm_rows(from + first * width, w, count, width, static_cast<float>(eps), row.data(), to + first * width);
  });
}

at::Tensor rms_norm_cpu(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor y = at::empty_like(x);
  if (x.numel() == 0) return y;
  const at::Tensor w = weight.to(at::kFloat).contiguous();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "rms_norm",
                                  [&] { run<scalar_t>(x, w, eps, y); });
  return y;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CPU, library) { library.impl("rms_norm", rms_norm_cpu); }

}  // namespace reel::models
