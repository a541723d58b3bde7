// group_norm_channels_last in three launches (sums per channel; statistics per group; scale and SiLU) and
// geglu. Memory-bound: x is read twice, y written once, 16 bytes a thread at a time. No atomics: the same
// bits each time.
#include "attention/ops/pack.cuh"
#include "models/ops/channel_norm_kernel.h"

namespace reel::models {
namespace {

constexpr int kThreads = 256;

/// Sums over one block of positions of the distances from a pivot (the image's first position) and of their
/// squares. Threads are laid out as rows of `lanes` packs; grid (blocks, images, tiles of lanes).
template <class T, int V>
__global__ void channel_sums(const T* x, float* partial, int64_t positions, int64_t channels,
                             int64_t per_block, int lanes) {
  extern __shared__ float shared[];
  const int lane = threadIdx.x % lanes, row = threadIdx.x / lanes, rows = blockDim.x / lanes;
  const int64_t pack = int64_t{blockIdx.z} * lanes + lane, packs = channels / V, image = blockIdx.y;
  const int64_t begin = blockIdx.x * per_block, end = min(begin + per_block, positions);
  float sum[V] = {}, squares[V] = {};
  if (pack < packs && row < rows) {
    const auto* from = reinterpret_cast<const Pack<T, V>*>(x) + image * positions * packs + pack;
    const Pack<T, V> first = from[0];
    float pivot[V];
#pragma unroll
    for (int i = 0; i < V; ++i) pivot[i] = to_float(first.values[i]);
#pragma unroll 4
    for (int64_t p = begin + row; p < end; p += rows) {
      const Pack<T, V> seen = from[p * packs];
#pragma unroll
      for (int i = 0; i < V; ++i) {
        const float distance = to_float(seen.values[i]) - pivot[i];
        sum[i] += distance;
        squares[i] += distance * distance;
      }
    }
  }
  float* mine = shared + static_cast<int64_t>(threadIdx.x) * 2 * V;
#pragma unroll
  for (int i = 0; i < V; ++i) mine[i] = sum[i], mine[V + i] = squares[i];
  __syncthreads();
  if (row != 0 || pack >= packs) return;
  for (int r = 1; r < rows; ++r) {
    const float* other = shared + static_cast<int64_t>(r * lanes + lane) * 2 * V;
#pragma unroll
    for (int i = 0; i < V; ++i) sum[i] += other[i], squares[i] += other[V + i];
  }
  float* to = partial + (image * gridDim.x + blockIdx.x) * 2 * channels + pack * V;
#pragma unroll
  for (int i = 0; i < V; ++i) to[i] = sum[i], to[channels + i] = squares[i];
}

__device__ double warp_sum(double value) {
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffU, value, offset);
  return value;
}

/// One warp an image and group: mean and variance in double, then what to multiply each channel by and to
/// add.
template <class T>
__global__ void group_statistics(const T* x, const T* weight, const T* bias, const float* partial,
                                 float* affine, int64_t blocks, int64_t positions, int64_t channels,
                                 int64_t groups, double eps) {
  const int64_t group = blockIdx.x, image = blockIdx.y, width = channels / groups, first = group * width;
  const float* sums = partial + image * blocks * 2 * channels;
  double sum = 0, squares = 0;
  for (int64_t c = first; c < first + width; ++c) {
    double distance = 0, distance_squares = 0;
    for (int64_t b = threadIdx.x; b < blocks; b += 32) {
      distance += sums[b * 2 * channels + c];
      distance_squares += sums[(b * 2 + 1) * channels + c];
    }
    distance = warp_sum(distance), distance_squares = warp_sum(distance_squares);
    const double pivot = to_float(x[image * positions * channels + c]),
                 count = static_cast<double>(positions);
    sum += distance + count * pivot;
    squares += distance_squares + 2 * pivot * distance + count * pivot * pivot;
  }
  const double count = static_cast<double>(positions * width), mean = sum / count;
  const double inverse = 1.0 / sqrt(fmax(0.0, squares / count - mean * mean) + eps);
  for (int64_t c = first + threadIdx.x; c < first + width; c += 32) {
    const double factor = inverse * to_float(weight[c]);
    affine[image * 2 * channels + c] = static_cast<float>(factor);
    affine[(image * 2 + 1) * channels + c] = static_cast<float>(to_float(bias[c]) - mean * factor);
  }
}

template <class T, int V, bool Silu>
__global__ void scale_channels(const T* x, T* y, const float* affine, int64_t positions, int64_t channels) {
  // Indices within an image fit 32 bits, whose divisions are several times cheaper.
  const auto packs = static_cast<uint32_t>(channels / V), count = static_cast<uint32_t>(positions) * packs;
  const auto* seen = reinterpret_cast<const Pack<T, V>*>(x) + int64_t{blockIdx.y} * count;
  auto* result = reinterpret_cast<Pack<T, V>*>(y) + int64_t{blockIdx.y} * count;
  for (uint32_t i = blockIdx.x * kThreads + threadIdx.x; i < count; i += gridDim.x * kThreads) {
    const float* factor = affine + int64_t{blockIdx.y} * 2 * channels + i % packs * V;
    const Pack<T, V> from = seen[i];
    Pack<T, V> to;
#pragma unroll
    for (int k = 0; k < V; ++k) {
      const float value = to_float(from.values[k]) * factor[k] + factor[channels + k];
      to.values[k] = from_float<T>(Silu ? value / (1.0F + expf(-value)) : value);
    }
    result[i] = to;
  }
}

template <class T, int V>
__global__ void geglu(const T* x, T* y, uint32_t packs, uint32_t count) {
  for (uint32_t i = blockIdx.x * kThreads + threadIdx.x; i < count; i += gridDim.x * kThreads) {
    const uint32_t row = i / packs, c = i % packs;
    const auto* from = reinterpret_cast<const Pack<T, V>*>(x) + int64_t{row} * 2 * packs + c;
    const Pack<T, V> value = from[0], gate = from[packs];
    Pack<T, V> to;
#pragma unroll
    for (int k = 0; k < V; ++k) {
      const float g = to_float(gate.values[k]);
      to.values[k] =
          from_float<T>(to_float(value.values[k]) * 0.5F * g * (1.0F + erff(g * 0.70710678118654752F)));
    }
    reinterpret_cast<Pack<T, V>*>(y)[i] = to;
  }
}

/// Blocks for `packs` packs: enough to fill any card, at most `most`.
unsigned int grid_of(int64_t packs, int64_t most = 16384) {
  const int64_t blocks = (packs + kThreads - 1) / kThreads;
  return static_cast<unsigned int>(blocks < most ? blocks : most);
}

template <class T, int V>
void group_norm(const GroupNormArguments& a, cudaStream_t stream) {
  const auto *x = static_cast<const T*>(a.x), *weight = static_cast<const T*>(a.weight),
             *bias = static_cast<const T*>(a.bias);
  auto* y = static_cast<T*>(a.y);
  const int64_t packs = a.channels / V, blocks = group_norm_blocks(a.positions);
  const int64_t per_block = (a.positions + blocks - 1) / blocks;
  const int lanes = static_cast<int>(packs < kThreads ? packs : kThreads);
  const dim3 grid(static_cast<unsigned int>(blocks), static_cast<unsigned int>(a.images),
                  static_cast<unsigned int>((packs + lanes - 1) / lanes));
  const int threads = kThreads / lanes * lanes;
  channel_sums<T, V><<<grid, threads, sizeof(float) * 2 * V * threads, stream>>>(
      x, a.partial, a.positions, a.channels, per_block, lanes);
  group_statistics<T>
      <<<dim3(static_cast<unsigned int>(a.groups), static_cast<unsigned int>(a.images)), 32, 0, stream>>>(
          x, weight, bias, a.partial, a.affine, blocks, a.positions, a.channels, a.groups, a.eps);
  const dim3 cells(grid_of(a.positions * packs, 1 + 16384 / a.images), static_cast<unsigned int>(a.images));
  if (a.silu) {
    scale_channels<T, V, true><<<cells, kThreads, 0, stream>>>(x, y, a.affine, a.positions, a.channels);
  } else {
    scale_channels<T, V, false><<<cells, kThreads, 0, stream>>>(x, y, a.affine, a.positions, a.channels);
  }
}

/// Packs of 16 bytes where the innermost size divides into them (rows then start on their boundaries).
template <class T>
constexpr int kPack = 16 / static_cast<int>(sizeof(T));

template <class T>
bool packs_fit(int64_t size, const void* a, const void* b) {
  return size % kPack<T> == 0 && reinterpret_cast<uintptr_t>(a) % 16 == 0 &&
         reinterpret_cast<uintptr_t>(b) % 16 == 0;
}

template <class T>
void group_norm_of(const GroupNormArguments& a, cudaStream_t stream) {
  packs_fit<T>(a.channels, a.x, a.y) ? group_norm<T, kPack<T>>(a, stream) : group_norm<T, 1>(a, stream);
}

template <class T>
void geglu_of(const void* x, void* y, int64_t rows, int64_t inner, cudaStream_t stream) {
  const auto* from = static_cast<const T*>(x);
  auto* to = static_cast<T*>(y);
  if (packs_fit<T>(inner, x, y)) {
    const int64_t packs = inner / kPack<T>;
    geglu<T, kPack<T>><<<grid_of(rows * packs), kThreads, 0, stream>>>(from, to, packs, rows * packs);
  } else {
    geglu<T, 1><<<grid_of(rows * inner), kThreads, 0, stream>>>(from, to, inner, rows * inner);
  }
}

}  // namespace

int64_t group_norm_blocks(int64_t positions) {
  // At least 16 positions a block; of large images 64, until there are 1024 blocks.
  const int64_t most = (positions + 15) / 16, large = (positions + 63) / 64;
  const int64_t wanted = large < 64 ? 64 : large > 1024 ? 1024 : large;
  const int64_t blocks = wanted < most ? wanted : most;
  const int64_t per_block = (positions + blocks - 1) / blocks;
  return (positions + per_block - 1) / per_block;
}

void launch_group_norm(const GroupNormArguments& arguments, cudaStream_t stream) {
  switch (arguments.type) {
    case KernelType::kFloat:
      return group_norm_of<float>(arguments, stream);
    case KernelType::kHalf:
      return group_norm_of<__half>(arguments, stream);
    case KernelType::kBFloat16:
      return group_norm_of<__nv_bfloat16>(arguments, stream);
  }
}

void launch_geglu(const void* x, void* y, int64_t rows, int64_t inner, KernelType type, cudaStream_t stream) {
  switch (type) {
    case KernelType::kFloat:
      return geglu_of<float>(x, y, rows, inner, stream);
    case KernelType::kHalf:
      return geglu_of<__half>(x, y, rows, inner, stream);
    case KernelType::kBFloat16:
      return geglu_of<__nv_bfloat16>(x, y, rows, inner, stream);
  }
}

}  // namespace reel::models
