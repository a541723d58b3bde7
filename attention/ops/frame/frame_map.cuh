// One query's row of a map in a thread's registers, and a sequence's queries, keys and values in shared
// memory: what kernels of attention along frames have in common.
#pragma once

#include "attention/ops/frame/frame_map_arguments.h"
#include "attention/ops/pack.cuh"

namespace reel::attention {

/// Copies the `heads` heads of one sequence [N, heads d] between global memory (rows `stride` apart, heads
/// `head` apart) and shared memory (rows `pitch` apart).
template <class T, int V, bool Store>
__device__ void copy_rows(T* global, T* shared, int tokens, int heads, int width, int64_t stride,
                          int64_t head, int pitch) {
  const int per_head = width / V, per_row = heads * per_head;
  for (int i = threadIdx.x; i < tokens * per_row; i += blockDim.x) {
    const int token = i / per_row, rest = i - token * per_row, h = rest / per_head,
              c = (rest - h * per_head) * V;
    auto* outside = reinterpret_cast<Pack<T, V>*>(global + token * stride + h * head + c);
    auto* inside = reinterpret_cast<Pack<T, V>*>(shared + token * pitch + h * width + c);
    if (Store)
      *outside = *inside;
    else
      *inside = *outside;
  }
}

/// map_j = scale q . k_j; zeros from `keys` on. M: the most keys an instance takes; loops over it are
/// unrolled so that the map stays in registers.
template <class T, int V, int M>
__device__ void form_logits(float (&map)[M], const T* query, const T* key, int keys, int width, int pitch,
                            float scale) {
#pragma unroll
  for (int j = 0; j < M; ++j) map[j] = 0;
  for (int c = 0; c < width; c += V) {
    const Pack<T, V> pack = *reinterpret_cast<const Pack<T, V>*>(query + c);
    float x[V];
#pragma unroll
    for (int i = 0; i < V; ++i) x[i] = to_float(pack.values[i]) * scale;
#pragma unroll
    for (int j = 0; j < M; ++j) {
      if (j < keys) {
        const Pack<T, V> other = *reinterpret_cast<const Pack<T, V>*>(key + j * pitch + c);
#pragma unroll
        for (int i = 0; i < V; ++i) map[j] += x[i] * to_float(other.values[i]);
      }
    }
  }
}

template <int M>
__device__ float largest_of(const float (&map)[M], int keys) {
  float largest = map[0];
#pragma unroll
  for (int j = 1; j < M; ++j) {
    if (j < keys) largest = fmaxf(largest, map[j]);
  }
  return largest;
}

/// map_j += band_|query-j| max(map). `band`: [F].
template <int M>
__device__ void add_band(float (&map)[M], int keys, const float* band, int query) {
  const float largest = largest_of(map, keys);
#pragma unroll
  for (int j = 0; j < M; ++j) {
    if (j < keys) map[j] += largest * __ldg(band + abs(query - j));
  }
}

/// map_j = e^(map_j - max), zeros from `keys` on; returns one over the sum.
template <int M>
__device__ float exponentiate(float (&map)[M], int keys) {
  const float largest = largest_of(map, keys);
  float sum = 0;
#pragma unroll
  for (int j = 0; j < M; ++j) {
    map[j] = j < keys ? __expf(map[j] - largest) : 0.0F;
    sum += map[j];
  }
  return 1.0F / sum;
}

/// map += amount (row - map) for the part `amount` of a row in global memory whose type is A.
template <class A, int M>
__device__ void draw(float (&map)[M], int keys, const A* row, float amount) {
  if (keys % 4 == 0) {  // rows then begin at whole packs
#pragma unroll
    for (int j = 0; j < M; j += 4) {
      if (j < keys) {
        const Pack<A, 4> pack = *reinterpret_cast<const Pack<A, 4>*>(row + j);
#pragma unroll
        for (int i = 0; i < 4; ++i) map[j + i] += amount * to_float(pack.values[i]);
      }
    }
    return;
  }
#pragma unroll
  for (int j = 0; j < M; ++j) {
    if (j < keys) map[j] += amount * to_float(row[j]);
  }
}

/// Draws the map of one query to the anchor's.
template <int M>
__device__ void guide(float (&map)[M], int keys, const FrameMapArguments& edit, int64_t row, int64_t group,
                      int head, int query) {
#pragma unroll
  for (int j = 0; j < M; ++j) map[j] *= 1.0F - edit.alpha;
  for (int n = 0; n < edit.neighbours; ++n) {
    const int64_t place = edit.places[group * edit.neighbours + n];
    const float amount = edit.alpha * edit.weights[group * edit.neighbours + n];
    const int64_t offset = row * edit.anchor.row + place * edit.anchor.group + head * edit.anchor.head +
                           query * edit.anchor.token;
    if (edit.half_anchor)
      draw(map, keys, static_cast<const __half*>(edit.anchor.data) + offset, amount);
    else
      draw(map, keys, static_cast<const float*>(edit.anchor.data) + offset, amount);
  }
}

/// The high frequencies of a row: without a table all but its mean. Goes through local memory where there is
/// one.
template <int M>
__device__ void find_high(const float (&map)[M], int frames, const float* table, float (&high)[M]) {
  if (!table) {
    float sum = 0;
#pragma unroll
    for (int j = 0; j < M; ++j) sum += map[j];
    const float mean = sum / static_cast<float>(frames);
#pragma unroll
    for (int j = 0; j < M; ++j) high[j] = j < frames ? map[j] - mean : 0.0F;
    return;
  }
#pragma unroll 1
  for (int i = 0; i < M; ++i) {
    float sum = 0;
#pragma unroll
    for (int j = 0; j < M; ++j) {
      if (j < frames && i < frames) sum += __ldg(table + abs(i - j)) * map[j];
    }
    high[i] = sum;
  }
}

/// How a block takes heads of one sequence: as many as fit comfortably in `rows` rows of shared memory, with
/// padded rows, so that the queries of a warp lie in different banks.
struct HeadBlocks {
  int heads = 1;      // of a block
  int pitch = 0;      // elements between rows
  int64_t bytes = 0;  // of shared memory
  unsigned int blocks = 1, threads = 32;
};

constexpr int64_t kMostSharedBytes = 227 << 10;  // the card's limit for a block

template <class T>
HeadBlocks head_blocks(int64_t all_heads, int64_t queries, int64_t rows, int64_t width) {
  constexpr int64_t kComfortable = 56 << 10;  // four blocks a multiprocessor
  HeadBlocks result;
  for (int64_t heads = all_heads; heads > 0; --heads) {
    result.heads = static_cast<int>(heads);
    result.pitch = static_cast<int>(heads * width) + 16 / static_cast<int>(sizeof(T));
    result.bytes = static_cast<int64_t>(sizeof(T)) * rows * result.pitch;
    if (result.bytes <= kComfortable && (heads - 1) * queries < 256) break;
  }
  const int64_t threads = (result.heads * queries + 31) / 32 * 32;
  result.threads = static_cast<unsigned int>(threads < 256 ? threads : 256);
  result.blocks = static_cast<unsigned int>((all_heads + result.heads - 1) / result.heads);
  return result;
}

}  // namespace reel::attention
