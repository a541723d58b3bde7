// A map on tensor cores: sixteen queries of one sequence and head in the registers of a warp, as the
// fragments of mma.m16n8k16 lie (PTX ISA, "Matrix Fragments for mma.m16n8k16"). Nothing goes through shared
// memory: threads read 16 bytes of a token at a time, which is a permutation of the channels that products
// over channels do not see, and movmatrix turns values around.
//
// In a tile of a map, the thread `lane` of a warp holds of the rows lane / 4 and lane / 4 + 8 the columns
// 2 (lane % 4) and the next: [0], [1] of the first row, [2], [3] of the second.
#pragma once

#include <cstdint>

#include "attention/ops/frame/frame_map_arguments.h"
#include "attention/ops/mma_fragments.cuh"

namespace reel::attention {

/// Sixteen rows of a map of up to 8 Tiles columns. Tiles: even. Columns behind the last key are minus
/// infinity among logits, zero in a map.
template <int Tiles>
struct MapTile {
  float cells[Tiles][4];
  int first_query, keys;

  __device__ int column(int tile, int cell) const {
    return tile * 8 + static_cast<int>(threadIdx.x % 4) * 2 + cell % 2;
  }
  __device__ int row(int cell) const {
    return first_query + static_cast<int>(threadIdx.x % 32) / 4 + (cell / 2) * 8;
  }

  /// Calls action(cell, which of the thread's two rows).
  template <class Action>
  __device__ void for_each(Action action) {
#pragma unroll
    for (int t = 0; t < Tiles; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i) action(cells[t][i], i / 2);
    }
  }
  /// Calls action(cell, which of the thread's two rows, column) for the columns that there are.
  template <class Action>
  __device__ void for_each_key(Action action) {
#pragma unroll
    for (int t = 0; t < Tiles; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (column(t, i) < keys) action(cells[t][i], i / 2, column(t, i));
      }
    }
  }

  /// q k^T of queries and keys, tokens `q_stride` and `k_stride` apart.
  template <class T>
  __device__ void form_products(const T* q, int64_t q_stride, int queries, const T* k, int64_t k_stride,
                                int width) {
    const int group = static_cast<int>(threadIdx.x % 32) / 4;
    for_each([](float& cell, int) { cell = 0; });
    const T *low_row = q + row(0) * q_stride, *high_row = low_row + 8 * q_stride,
            *first_key = k + group * k_stride;
    for (int chunk = 0; chunk * 32 < width; ++chunk) {
      const int channel = first_channel(chunk);
      const bool exists = channel < width;
      const Channels low = load_channels(low_row + channel, exists && row(0) < queries);
      const Channels high = load_channels(high_row + channel, exists && row(2) < queries);
      const T* key = first_key + channel;
#pragma unroll
      for (int t = 0; t < Tiles; ++t, key += 8 * k_stride) {
        if (t * 8 >= keys) continue;
        const Channels other = load_channels(key, exists && t * 8 + group < keys);
#pragma unroll
        for (int half = 0; half < 4; half += 2) {
          const unsigned int a[4] = {low.pairs[half], high.pairs[half], low.pairs[half + 1],
                                     high.pairs[half + 1]};
          multiply_add(cells[t], a, other.pairs[half], other.pairs[half + 1], T());
        }
      }
    }
#pragma unroll
    for (int t = 0; t < Tiles; ++t) {
      if (t * 8 + 8 <= keys) continue;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (column(t, i) >= keys) cells[t][i] = -INFINITY;
      }
    }
  }

  /// The maxima of the thread's two rows.
  __device__ void largest(float (&result)[2]) {
    result[0] = result[1] = -INFINITY;
    for_each([&](float& cell, int half) { result[half] = fmaxf(result[half], cell); });
    result[0] = largest_of_row(result[0]), result[1] = largest_of_row(result[1]);
  }

  /// band_|i-j| times the row's largest logit is added to each. Logits: multiplied by their scale before.
  __device__ void add_band(const float* band) {
    float most[2];
    largest(most);
    for_each_key(
        [&](float& cell, int half, int j) { cell += most[half] * __ldg(band + abs(row(half * 2) - j)); });
  }

  /// e^(scale (x - largest)), scale > 0; `inverse`: one over each row's sum.
  __device__ void exponentiate(float scale, float (&inverse)[2]) {
    const float factor = scale * 1.44269504F;  // log2(e)
    float most[2], sums[2] = {};
    largest(most);
    most[0] *= factor, most[1] *= factor;
    for_each([&](float& cell, int half) {
      cell = power_of_two(fmaf(cell, factor, -most[half]));
      sums[half] += cell;
    });
    inverse[0] = 1.0F / sum_of_row(sums[0]), inverse[1] = 1.0F / sum_of_row(sums[1]);
  }

  /// softmax of the logits, their band added if there is one: as e^(...) and `inverse`, what each row is yet
  /// to be multiplied by.
  template <class T>
  __device__ void form(const T* q, int64_t q_stride, int queries, const T* k, int64_t k_stride, int width,
                       float scale, const float* band, float (&inverse)[2]) {
    form_products(q, q_stride, queries, k, k_stride, width);
    if (band || scale <= 0) {
      for_each([&](float& cell, int) { cell = cell == -INFINITY ? cell : cell * scale; });
      scale = 1;
    }
    if (band) add_band(band);
    exponentiate(scale, inverse);
  }

  /// The rows divided by their sums.
  __device__ void normalise(float (&inverse)[2]) {
    for_each([&](float& cell, int half) { cell *= inverse[half]; });
    inverse[0] = inverse[1] = 1;
  }

  /// Draws the map to the anchor's.
  __device__ void guide(const FrameMapArguments& edit, int64_t r, int64_t group, int64_t head, int queries) {
    for_each([&](float& cell, int) { cell *= 1.0F - edit.alpha; });
    for (int n = 0; n < edit.neighbours; ++n) {
      const int64_t place = edit.places[group * edit.neighbours + n];
      const float amount = edit.alpha * edit.weights[group * edit.neighbours + n];
      const int64_t begin = r * edit.anchor.row + place * edit.anchor.group + head * edit.anchor.head;
      for_each_key([&](float& cell, int half, int j) {
        if (row(half * 2) >= queries) return;
        const int64_t at = begin + row(half * 2) * edit.anchor.token + j;
        cell += amount * (edit.half_anchor
                              ? __half2float(__ldg(static_cast<const __half*>(edit.anchor.data) + at))
                              : __ldg(static_cast<const float*>(edit.anchor.data) + at));
      });
    }
  }

  /// The high frequencies of the rows: without a table all but their means. With one, products of f16 values,
  /// which suits maps of half types.
  __device__ void find_high(const float* table, MapTile& high) const {
    high.first_query = first_query, high.keys = keys;
    if (!table) {
      float sums[2] = {};
#pragma unroll
      for (int t = 0; t < Tiles; ++t) {  // zeros behind the last key
        sums[0] += cells[t][0] + cells[t][1], sums[1] += cells[t][2] + cells[t][3];
      }
      const float means[2] = {sum_of_row(sums[0]) / static_cast<float>(keys),
                              sum_of_row(sums[1]) / static_cast<float>(keys)};
#pragma unroll
      for (int t = 0; t < Tiles; ++t) {
#pragma unroll
        for (int i = 0; i < 4; ++i)
          high.cells[t][i] = column(t, i) < keys ? cells[t][i] - means[i / 2] : 0.0F;
      }
      return;
    }
    const int lane = static_cast<int>(threadIdx.x % 32);
    const auto entry = [&](int j, int l) { return j < keys && l < keys ? __ldg(table + abs(j - l)) : 0.0F; };
#pragma unroll
    for (int t = 0; t < Tiles; ++t) {
      high.cells[t][0] = high.cells[t][1] = high.cells[t][2] = high.cells[t][3] = 0;
      if (t * 8 >= keys) continue;
      const int l = t * 8 + lane / 4;
#pragma unroll
      for (int u = 0; u < Tiles; u += 2) {
        if (u * 8 >= keys) continue;
        const int j = u * 8 + lane % 4 * 2;
        unsigned int a[4];
        pairs<__half>(u, a);
        multiply_add(high.cells[t], a, pair_of(entry(j, l), entry(j + 1, l), __half()),
                     pair_of(entry(j + 8, l), entry(j + 9, l), __half()), __half());
      }
    }
  }

  /// Two neighbouring tiles as the left factor of a product over keys.
  template <class T>
  __device__ void pairs(int tile, unsigned int (&a)[4]) const {
    a[0] = pair_of(cells[tile][0], cells[tile][1], T()), a[1] = pair_of(cells[tile][2], cells[tile][3], T());
    a[2] = pair_of(cells[tile + 1][0], cells[tile + 1][1], T());
    a[3] = pair_of(cells[tile + 1][2], cells[tile + 1][3], T());
  }

  __device__ float energy(int queries) const {
    float energy = 0;
#pragma unroll
    for (int t = 0; t < Tiles; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (row(i) < queries) energy += cells[t][i] * cells[t][i];
      }
    }
    return energy;
  }
};

/// Which sequence, head and queries a warp has.
struct WarpTask {
  int64_t row, group, head;
  int first_query;
  bool exists;
};

constexpr int kWarpsPerBlock = 8;

/// Neighbouring warps have the tiles of one head, then neighbouring heads: what they read lies together.
__device__ inline WarpTask warp_task(int64_t rows, int64_t groups, int64_t heads, int queries) {
  const int tiles = (queries + 15) / 16;
  const int64_t index = int64_t{blockIdx.x} * kWarpsPerBlock + threadIdx.x / 32, sequence = index / tiles;
  return {sequence / (groups * heads), sequence / heads % groups, sequence % heads,
          static_cast<int>(index % tiles) * 16, sequence < rows * groups * heads};
}

inline unsigned int warp_blocks(int64_t rows, int64_t groups, int64_t heads, int64_t queries) {
  return static_cast<unsigned int>((rows * groups * heads * ((queries + 15) / 16) + kWarpsPerBlock - 1) /
                                   kWarpsPerBlock);
}

}  // namespace reel::attention
