// Attention for many short sequences in f32, and in half types where rows are not made of whole packs: a
// block holds one sequence, of as many heads as fit, in shared memory; a thread computes one query of one
// head with its row of the map in registers. q, k, v are read once and the result is written once, in whole
// rows of neighbouring heads. Sums run in f32 in a fixed order. An edit changes the row on its way: no map
// reaches memory.
#include "attention/ops/frame/frame_attention_kernel.h"
#include "attention/ops/frame/frame_map.cuh"

namespace reel::attention {
namespace {

/// M: the most keys this instance takes. Grid (sequences, groups of `heads_per_block` heads).
template <class T, int V, int M, bool Edited>
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
    const T* head_values = v + head * width;
    float map[M];
    form_logits<T, V>(map, mine, k + head * width, keys, width, pitch, a.scale);
    if (Edited && a.edit.band) add_band(map, keys, a.edit.band, query);
    float inverse = exponentiate(map, keys);
    if (Edited && (a.edit.anchor.data || a.edit.gain)) {
#pragma unroll
      for (int j = 0; j < M; ++j) map[j] *= inverse;
      inverse = 1;
      if (a.edit.anchor.data) guide(map, keys, a.edit, row, group, first_head + head, query);
      if (a.edit.gain) {
        float high[M];
        find_high(map, keys, a.edit.high, high);
        const float more = a.edit.gain[row] - 1.0F;
#pragma unroll
        for (int j = 0; j < M; ++j) map[j] += more * high[j];
      }
    }
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

template <class T, int V, int M, bool Edited>
void launch(const FrameAttentionArguments& a, cudaStream_t stream) {
  const HeadBlocks split = head_blocks<T>(a.heads, a.queries, a.queries + 2 * a.keys, a.width);
  if (split.bytes > kMostSharedBytes) return;  // the caller has asked frame_attention_fits
  if (split.bytes > (48 << 10)) {
    cudaFuncSetAttribute(frame_attention<T, V, M, Edited>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(split.bytes));
  }
  const dim3 grid(static_cast<unsigned int>(a.rows * a.groups), split.blocks);
  frame_attention<T, V, M, Edited><<<grid, split.threads, split.bytes, stream>>>(a, split.heads, split.pitch);
}

template <class T, int V, bool Edited>
void launch_by_keys(const FrameAttentionArguments& a, cudaStream_t stream) {
  if (a.keys <= 8) return launch<T, V, 8, Edited>(a, stream);
  if (a.keys <= 16) return launch<T, V, 16, Edited>(a, stream);
  if (a.keys <= 32) return launch<T, V, 32, Edited>(a, stream);
  if (a.keys <= 64) return launch<T, V, 64, Edited>(a, stream);
  launch<T, V, 128, Edited>(a, stream);
}

template <class T, int V>
void launch_by_edit(const FrameAttentionArguments& a, cudaStream_t stream) {
  a.edit.any() ? launch_by_keys<T, V, true>(a, stream) : launch_by_keys<T, V, false>(a, stream);
}

}  // namespace

bool frame_attention_fits(const FrameAttentionArguments& a) {
  if (frame_attention_mma_fits(a)) return true;
  const int64_t size = a.type == KernelType::kFloat ? 4 : 2;
  return a.keys <= 128 && (a.queries + 2 * a.keys) * (a.width * size + 16) <= kMostSharedBytes;
}

void launch_frame_attention(const FrameAttentionArguments& a, cudaStream_t stream) {
  if (frame_attention_mma_fits(a)) return launch_frame_attention_mma(a, stream);
  switch (a.type) {
    case KernelType::kFloat: {
      const bool packs = in_packs(a.q, a.width, 4) && in_packs(a.k, a.width, 4) &&
                         in_packs(a.v, a.width, 4) && in_packs(a.out, a.width, 4);
      return packs ? launch_by_edit<float, 4>(a, stream) : launch_by_edit<float, 1>(a, stream);
    }
    case KernelType::kHalf:  // rows that do not begin at whole packs
      return launch_by_edit<__half, 1>(a, stream);
    case KernelType::kBFloat16:
      return launch_by_edit<__nv_bfloat16, 1>(a, stream);
  }
}

}  // namespace reel::attention
