// reel::group_norm_channels_last and reel::geglu on the CPU: each reads its input once from memory, and
// writes once.
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "attention/ops/vector_math.h"
#include "models/ops/channel_norm.h"

namespace reel::models {
namespace {

constexpr int64_t kBlock =
    64;  // positions whose sums are formed together; fixed, so that threads change no result

/// Adds the distances of `count` positions from a pivot, and their squares, channel by channel. The pivot
/// (the image's first position) keeps the squares small where a mean is far from zero.
template <class T>
REEL_MULTIVERSION void add_block(const T* x, const T* pivot, int64_t count, int64_t channels, float* sum,
                                 float* squares) {
  for (int64_t p = 0; p < count; ++p) {
    const T* row = x + p * channels;
    for (int64_t c = 0; c < channels; ++c) {
      const float value = static_cast<float>(row[c]) - static_cast<float>(pivot[c]);
      sum[c] += value;
      squares[c] += value * value;
    }
  }
}

template <class T>
REEL_MULTIVERSION void scale_block(const T* x, T* y, int64_t count, int64_t channels, const float* factor,
                                   const float* offset, bool silu) {
  for (int64_t p = 0; p < count; ++p) {
    const T* from = x + p * channels;
    T* to = y + p * channels;
    if (silu) {
      for (int64_t c = 0; c < channels; ++c)
        to[c] = static_cast<T>(fast_silu(static_cast<float>(from[c]) * factor[c] + offset[c]));
    } else {
      for (int64_t c = 0; c < channels; ++c)
        to[c] = static_cast<T>(static_cast<float>(from[c]) * factor[c] + offset[c]);
    }
  }
}

template <class T>
REEL_MULTIVERSION void geglu_rows(const T* x, T* y, int64_t rows, int64_t inner) {
  for (int64_t r = 0; r < rows; ++r) {
    const T *value = x + 2 * r * inner, *gate = value + inner;
    T* to = y + r * inner;
    for (int64_t c = 0; c < inner; ++c)
      to[c] = static_cast<T>(static_cast<float>(value[c]) * fast_gelu(static_cast<float>(gate[c])));
  }
}

template <class T>
void group_norm_run(const at::Tensor& x, const at::Tensor& y, const at::Tensor& weight,
                    const at::Tensor& bias, int64_t groups, double eps, bool silu) {
  const int64_t images = x.size(0), positions = x.size(1) * x.size(2), channels = x.size(3),
                width = channels / groups;
  const int64_t blocks = (positions + kBlock - 1) / kBlock;
  const T* from = x.const_data_ptr<T>();
  T* to = y.mutable_data_ptr<T>();
  const at::Tensor weight_f = weight.to(at::kFloat).contiguous(), bias_f = bias.to(at::kFloat).contiguous();
  // Per block and channel: sum and sum of squares. Then per image and channel: factor and offset.
  at::Tensor sums = at::zeros({images, blocks, 2, channels}, at::kFloat),
             affine = at::empty({images, 2, channels}, at::kFloat);
  float *sum_data = sums.mutable_data_ptr<float>(), *affine_data = affine.mutable_data_ptr<float>();
  const auto count_of = [&](int64_t b) { return std::min(kBlock, positions - b * kBlock); };
  at::parallel_for(0, images * blocks, /*grain_size=*/4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / blocks, b = i % blocks;
      float* sum = sum_data + i * 2 * channels;
      add_block(from + (n * positions + b * kBlock) * channels, from + n * positions * channels, count_of(b),
                channels, sum, sum + channels);
    }
  });
  const float *w = weight_f.const_data_ptr<float>(), *o = bias_f.const_data_ptr<float>();
  for (int64_t n = 0; n < images; ++n) {
    for (int64_t g = 0; g < groups; ++g) {
      double sum = 0, squares = 0;
      for (int64_t c = g * width; c < (g + 1) * width; ++c) {
        double distance = 0, distance_squares = 0;
        for (int64_t b = 0; b < blocks; ++b) {
          const float* s = sum_data + (n * blocks + b) * 2 * channels;
          distance += s[c], distance_squares += s[channels + c];
        }
        const auto pivot = static_cast<double>(static_cast<float>(from[n * positions * channels + c]));
        sum += distance + double(positions) * pivot;
        squares += distance_squares + 2 * pivot * distance + double(positions) * pivot * pivot;
      }
      const double count = double(positions * width), mean = sum / count;
      const double inverse = 1.0 / std::sqrt(std::max(0.0, squares / count - mean * mean) + eps);
      for (int64_t c = g * width; c < (g + 1) * width; ++c) {
        const double factor = inverse * w[c];
        affine_data[n * 2 * channels + c] = static_cast<float>(factor);
        affine_data[(n * 2 + 1) * channels + c] = static_cast<float>(o[c] - mean * factor);
      }
    }
  }
  at::parallel_for(0, images * blocks, /*grain_size=*/4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / blocks, b = i % blocks, offset = (n * positions + b * kBlock) * channels;
      const float* factor = affine_data + n * 2 * channels;
      scale_block(from + offset, to + offset, count_of(b), channels, factor, factor + channels, silu);
    }
  });
}

at::Tensor group_norm_cpu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                          int64_t groups, double eps, bool silu) {
  const at::Tensor y = at::empty_like(x);
  if (x.numel() == 0) return y;
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "group_norm_channels_last",
                                  [&] { group_norm_run<scalar_t>(x, y, weight, bias, groups, eps, silu); });
  return y;
}

at::Tensor geglu_cpu(const at::Tensor& x) {
  std::vector<int64_t> shape = x.sizes().vec();
  const int64_t inner = shape.back() /= 2;
  const at::Tensor y = at::empty(shape, x.options());
  if (y.numel() == 0) return y;
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "geglu", [&] {
    const scalar_t* from = x.const_data_ptr<scalar_t>();
    scalar_t* to = y.mutable_data_ptr<scalar_t>();
    at::parallel_for(0, y.numel() / inner, /*grain_size=*/16, [&](int64_t begin, int64_t end) {
      geglu_rows(from + 2 * begin * inner, to + begin * inner, end - begin, inner);
    });
  });
  return y;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CPU, library) {
  library.impl("group_norm_channels_last", group_norm_cpu);
  library.impl("geglu", geglu_cpu);
}

}  // namespace reel::models
