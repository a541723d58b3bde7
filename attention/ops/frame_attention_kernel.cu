// Attention for many short sequences: a block holds one sequence, of as many heads as fit, in shared memory;
// a thread computes one query of one head with its row of the map in registers. Memory-bound: q, k, v are
// read once and the result is written once, in whole rows of neighbouring heads. Sums run in f32 in a fixed
// order.
#include "attention/ops/frame_attention_kernel.h"
#include "attention/ops/pack.cuh"

namespace reel::attention {
namespace {

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

/// M: the most keys this instance takes. Grid (sequences, groups of `heads_per_block` heads).
template <class T, int V, int M>
__global__ void frame_attention(const FrameAttentionArguments a, int heads_per_block, int pitch) {
  extern __shared__ __align__(16) unsigned char memory[];
  const int queries = static_cast<int>(a.queries), keys = static_cast<int>(a.keys),
            width = static_cast<int>(a.width);
  auto* q = reinterpret_cast<T*>(memory);  // and, once a thread has read its query, its result
  T* k = q + queries * pitch;
  T* v = k + keys * pitch;
  const int64_t row = blockIdx.x / a.groups, group = blockIdx.x % a.groups;
  const int first_head = blockIdx.y * heads_per_block;
  const int heads = min(heads_per_block, static_cast<int>(a.heads) - first_head);
  const auto place = [&](const FrameTensor& t) {
    return static_cast<T*>(const_cast<void*>(t.data)) + row * t.row + group * t.group + first_head * t.head;
  };
  copy_rows<T, V, false>(place(a.q), q, queries, heads, width, a.q.token, a.q.head, pitch);
  copy_rows<T, V, false>(place(a.k), k, keys, heads, width, a.k.token, a.k.head, pitch);
  copy_rows<T, V, false>(place(a.v), v, keys, heads, width, a.v.token, a.v.head, pitch);
  __syncthreads();

  for (int task = threadIdx.x; task < heads * queries; task += blockDim.x) {
    const int head = task / queries, query = task - head * queries;
    T* mine = q + query * pitch + head * width;
    const T *head_keys = k + head * width, *head_values = v + head * width;
    float map[M];
#pragma unroll
    for (int j = 0; j < M; ++j) map[j] = 0;
    for (int c = 0; c < width; c += V) {
      const Pack<T, V> pack = *reinterpret_cast<const Pack<T, V>*>(mine + c);
      float x[V];
#pragma unroll
      for (int i = 0; i < V; ++i) x[i] = to_float(pack.values[i]) * a.scale;
#pragma unroll
      for (int j = 0; j < M; ++j) {
        if (j < keys) {
          const Pack<T, V> key = *reinterpret_cast<const Pack<T, V>*>(head_keys + j * pitch + c);
#pragma unroll
          for (int i = 0; i < V; ++i) map[j] += x[i] * to_float(key.values[i]);
        }
      }
    }
    float largest = map[0];
#pragma unroll
    for (int j = 1; j < M; ++j) {
      if (j < keys) largest = fmaxf(largest, map[j]);
    }
    float sum = 0;
#pragma unroll
    for (int j = 0; j < M; ++j) {
      map[j] = j < keys ? __expf(map[j] - largest) : 0.0F;
      sum += map[j];
    }
    const float inverse = 1.0F / sum;
    for (int c = 0; c < width; c += V) {
      float y[V] = {};
#pragma unroll
      for (int j = 0; j < M; ++j) {
        if (j < keys) {
          const Pack<T, V> value = *reinterpret_cast<const Pack<T, V>*>(head_values + j * pitch + c);
#pragma unroll
          for (int i = 0; i < V; ++i) y[i] += map[j] * to_float(value.values[i]);
        }
      }
      Pack<T, V> result;
#pragma unroll
      for (int i = 0; i < V; ++i) result.values[i] = from_float<T>(y[i] * inverse);
      *reinterpret_cast<Pack<T, V>*>(mine + c) = result;
    }
  }
  __syncthreads();
  copy_rows<T, V, true>(place(a.out), q, queries, heads, width, a.out.token, a.out.head, pitch);
}

template <class T, int V, int M>
void launch(const FrameAttentionArguments& a, cudaStream_t stream) {
  // Rows are padded by one access, so that the queries of a warp lie in different banks.
  const auto pitch_of = [&](int64_t heads) {
    return static_cast<int>(heads * a.width) + 16 / static_cast<int>(sizeof(T));
  };
  const auto bytes_of = [&](int64_t heads) {
    return static_cast<int64_t>(sizeof(T)) * (a.queries + 2 * a.keys) * pitch_of(heads);
  };
  constexpr int64_t kComfortable = 56 << 10,
                    kMost = 227 << 10;  // four blocks a multiprocessor; the card's limit
  int64_t heads = a.heads;
  while (heads > 1 && (bytes_of(heads) > kComfortable || (heads - 1) * a.queries >= 256)) --heads;
  const int64_t bytes = bytes_of(heads);
  if (bytes > kMost) return;  // the caller has asked frame_attention_fits
  const int64_t threads = (heads * a.queries + 31) / 32 * 32;
  const dim3 grid(static_cast<unsigned int>(a.rows * a.groups),
                  static_cast<unsigned int>((a.heads + heads - 1) / heads));
  if (bytes > (48 << 10)) {
    cudaFuncSetAttribute(frame_attention<T, V, M>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(bytes));
  }
  frame_attention<T, V, M><<<grid, static_cast<unsigned int>(threads < 256 ? threads : 256), bytes, stream>>>(
      a, static_cast<int>(heads), pitch_of(heads));
}

template <class T, int V>
void launch_by_keys(const FrameAttentionArguments& a, cudaStream_t stream) {
  if (a.keys <= 8) return launch<T, V, 8>(a, stream);
  if (a.keys <= 16) return launch<T, V, 16>(a, stream);
  if (a.keys <= 32) return launch<T, V, 32>(a, stream);
  if (a.keys <= 64) return launch<T, V, 64>(a, stream);
  launch<T, V, 128>(a, stream);
}

template <class T>
void launch_by_alignment(const FrameAttentionArguments& a, cudaStream_t stream) {
  constexpr int kPack = 16 / static_cast<int>(sizeof(T));
  bool fits = a.width % kPack == 0;
  for (const FrameTensor* t : {&a.q, &a.k, &a.v, &a.out}) {
    fits = fits && reinterpret_cast<uintptr_t>(t->data) % 16 == 0 && t->row % kPack == 0 &&
           t->group % kPack == 0 && t->head % kPack == 0 && t->token % kPack == 0;
  }
  fits ? launch_by_keys<T, kPack>(a, stream) : launch_by_keys<T, 1>(a, stream);
}

}  // namespace

bool frame_attention_fits(const FrameAttentionArguments& a) {
  const int64_t size = a.type == KernelType::kFloat ? 4 : 2;
  return a.keys <= 128 && (a.queries + 2 * a.keys) * (a.width * size + 16) <= (227 << 10);
}

void launch_frame_attention(const FrameAttentionArguments& arguments, cudaStream_t stream) {
  switch (arguments.type) {
    case KernelType::kFloat:
      return launch_by_alignment<float>(arguments, stream);
    case KernelType::kHalf:
      return launch_by_alignment<__half>(arguments, stream);
    case KernelType::kBFloat16:
      return launch_by_alignment<__nv_bfloat16>(arguments, stream);
  }
}

}  // namespace reel::attention
