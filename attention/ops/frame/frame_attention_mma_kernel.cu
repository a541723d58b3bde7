// frame_attention for half types on tensor cores: a warp has sixteen queries of one sequence and head, whose
// map stays in its registers. No block-wide step: latency is hidden by other warps.
#include <type_traits>

#include "attention/ops/frame/frame_attention_kernel.h"
#include "attention/ops/frame/frame_mma.cuh"

namespace reel::attention {
namespace {

/// The map times the values, row h of it multiplied by factors[h]. Split: the map in two parts of the values'
/// type, the second what rounding took from the first; for maps whose cells are above one.
template <class T, int Tiles, bool Split>
__device__ void answer(MapTile<Tiles>& map, const float (&factors)[2], const T* v, int64_t v_stride, T* out,
                       int64_t out_stride, int queries, int width) {
  const int group = static_cast<int>(threadIdx.x % 32) / 4;
  unsigned int weights[Split ? 2 : 1][Tiles / 2][4];
#pragma unroll
  for (int part = 0; part < (Split ? 2 : 1); ++part) {
#pragma unroll
    for (int u = 0; u < Tiles / 2; ++u) map.template pairs<T>(2 * u, weights[part][u]);
    map.for_each([](float& cell, int) { cell -= to_float(from_float<T>(cell)); });
  }
  for (int chunk = 0; chunk * 32 < width; ++chunk) {
    const int channel = first_channel(chunk);
    const bool exists = channel < width;
    float sums[4][4] = {};
    const T* value = v + group * v_stride + channel;
#pragma unroll
    for (int u = 0; u < Tiles / 2; ++u, value += 16 * v_stride) {
      if (u * 16 >= map.keys) continue;
      const int key = u * 16 + group;
      const Channels low = load_channels(value, exists && key < map.keys);
      const Channels high = load_channels(value + 8 * v_stride, exists && key + 8 < map.keys);
#pragma unroll
      for (int r = 0; r < 4; ++r) {
        const unsigned int b0 = transposed(low.pairs[r]), b1 = transposed(high.pairs[r]);
        multiply_add(sums[r], weights[0][u], b0, b1, T());
        if (Split) multiply_add(sums[r], weights[1][u], b0, b1, T());
      }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      uint4 bits;
      unsigned int* pairs = &bits.x;
#pragma unroll
      for (int r = 0; r < 4; ++r)
        pairs[r] = pair_of(sums[r][2 * half] * factors[half], sums[r][2 * half + 1] * factors[half], T());
      if (map.row(2 * half) < queries && exists)
        *reinterpret_cast<uint4*>(out + map.row(2 * half) * out_stride + channel) = bits;
    }
  }
}

template <class T, int Tiles, bool Edited>
__global__ void __launch_bounds__(kWarpsPerBlock * 32) frame_attention_mma(const FrameAttentionArguments a) {
  const int queries = static_cast<int>(a.queries), width = static_cast<int>(a.width);
  const WarpTask task = warp_task(a.rows, a.groups, a.heads, queries);
  if (!task.exists) return;
  const auto place = [&](const FrameTensor& t) {
    return static_cast<T*>(const_cast<void*>(t.data)) + task.row * t.row + task.group * t.group +
           task.head * t.head;
  };
  MapTile<Tiles> map;
  map.first_query = task.first_query, map.keys = static_cast<int>(a.keys);
  float inverse[2];
  map.form(place(a.q), a.q.token, queries, place(a.k), a.k.token, width, a.scale,
           Edited ? a.edit.band : nullptr, inverse);
  if (Edited && (a.edit.anchor.data || a.edit.gain)) {
    map.normalise(inverse);
    if (a.edit.anchor.data) map.guide(a.edit, task.row, task.group, task.head, queries);
    if (a.edit.gain) {
      MapTile<Tiles> high;
      map.find_high(a.edit.high, high);
      const float more = a.edit.gain[task.row] - 1.0F;
#pragma unroll
      for (int t = 0; t < Tiles; ++t) {
#pragma unroll
        for (int i = 0; i < 4; ++i) map.cells[t][i] += more * high.cells[t][i];
      }
    }
  }
  constexpr bool kSplit = Edited && std::is_same<T, __nv_bfloat16>::value;
  answer<T, Tiles, kSplit>(map, inverse, place(a.v), a.v.token, place(a.out), a.out.token, queries, width);
}

template <class T, bool Edited>
void launch_by_keys(const FrameAttentionArguments& a, cudaStream_t stream) {
  const unsigned int blocks = warp_blocks(a.rows, a.groups, a.heads, a.queries),
                     threads = kWarpsPerBlock * 32;
  if (a.keys <= 16)
    frame_attention_mma<T, 2, Edited><<<blocks, threads, 0, stream>>>(a);
  else if (a.keys <= 32)
    frame_attention_mma<T, 4, Edited><<<blocks, threads, 0, stream>>>(a);
  else if (a.keys <= 64)
    frame_attention_mma<T, 8, Edited><<<blocks, threads, 0, stream>>>(a);
  else
    frame_attention_mma<T, 16, Edited><<<blocks, threads, 0, stream>>>(a);
}

template <class T>
void launch(const FrameAttentionArguments& a, cudaStream_t stream) {
  a.edit.any() ? launch_by_keys<T, true>(a, stream) : launch_by_keys<T, false>(a, stream);
}

}  // namespace

bool frame_attention_mma_fits(const FrameAttentionArguments& a) {
  return a.type != KernelType::kFloat && a.keys <= 128 && in_packs(a.q, a.width, 2) &&
         in_packs(a.k, a.width, 2) && in_packs(a.v, a.width, 2) && in_packs(a.out, a.width, 2);
}

void launch_frame_attention_mma(const FrameAttentionArguments& arguments, cudaStream_t stream) {
  arguments.type == KernelType::kHalf ? launch<__half>(arguments, stream)
                                      : launch<__nv_bfloat16>(arguments, stream);
}

}  // namespace reel::attention
