// Energies of maps that exist only in registers: a block holds queries and keys of one sequence, of as many
// heads as fit, in shared memory; a thread computes one query's row. Blocks leave partial sums, which are
// added up afterwards in a fixed order.
#include "attention/ops/frame/frame_map.cuh"
#include "attention/ops/frame/frame_map_energy_kernel.h"

namespace reel::attention {
namespace {

struct Sums {
  float before = 0, guided = 0, high = 0;
};

/// The sum over the block's threads, in the first of them. `memory`: one Sums for each warp.
__device__ Sums sum_of_block(Sums mine, Sums* memory) {
  const auto sum_of_warp = [](Sums sums) {
    for (int offset = 16; offset > 0; offset /= 2) {
      sums.before += __shfl_down_sync(0xffffffffU, sums.before, offset);
      sums.guided += __shfl_down_sync(0xffffffffU, sums.guided, offset);
      sums.high += __shfl_down_sync(0xffffffffU, sums.high, offset);
    }
    return sums;
  };
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  mine = sum_of_warp(mine);
  if (lane == 0) memory[warp] = mine;
  __syncthreads();
  if (warp > 0) return {};
  return sum_of_warp(lane < warps ? memory[lane] : Sums{});
}

template <int M>
__device__ float energy_of(const float (&map)[M]) {
  float energy = 0;
#pragma unroll
  for (int j = 0; j < M; ++j) energy += map[j] * map[j];
  return energy;
}

template <class A, int M>
__device__ void store(A* row, const float (&map)[M], int frames) {
  if (frames % 4 == 0) {
#pragma unroll
    for (int j = 0; j < M; j += 4) {
      if (j < frames) {
        Pack<A, 4> pack;
#pragma unroll
        for (int i = 0; i < 4; ++i) pack.values[i] = from_float<A>(map[j + i]);
        *reinterpret_cast<Pack<A, 4>*>(row + j) = pack;
      }
    }
    return;
  }
#pragma unroll
  for (int j = 0; j < M; ++j) {
    if (j < frames) row[j] = from_float<A>(map[j]);
  }
}

/// M: the most frames this instance takes. Grid (sequences, groups of `heads_per_block` heads).
template <class T, int V, int M>
__global__ void frame_map_energy(const FrameMapEnergyArguments a, int heads_per_block, int pitch) {
  extern __shared__ __align__(16) unsigned char memory[];
  __shared__ Sums warps[8];
  const int frames = static_cast<int>(a.frames), width = static_cast<int>(a.width);
  auto* q = reinterpret_cast<T*>(memory);
  T* k = q + frames * pitch;
  const int64_t row = blockIdx.x / a.groups, group = blockIdx.x % a.groups;
  const int first_head = blockIdx.y * heads_per_block;
  const int heads = min(heads_per_block, static_cast<int>(a.heads) - first_head);
  const auto place = [&](const FrameTensor& t) {
    return static_cast<T*>(const_cast<void*>(t.data)) + row * t.row + group * t.group + first_head * t.head;
  };
  copy_rows<T, V, false>(place(a.q), q, frames, heads, width, a.q.token, a.q.head, pitch);
  copy_rows<T, V, false>(place(a.k), k, frames, heads, width, a.k.token, a.k.head, pitch);
  __syncthreads();

  Sums sums;
  for (int task = threadIdx.x; task < heads * frames; task += blockDim.x) {
    const int head = task / frames, query = task - head * frames;
    float map[M];
    form_logits<T, V>(map, q + query * pitch + head * width, k + head * width, frames, width, pitch, a.scale);
    if (a.edit.band) add_band(map, frames, a.edit.band, query);
    const float inverse = exponentiate(map, frames);
#pragma unroll
    for (int j = 0; j < M; ++j) map[j] *= inverse;
    if (a.maps) {
      const int64_t begin =
          (((row * a.groups + group) * a.heads + first_head + head) * frames + query) * int64_t{frames};
      a.half_maps ? store(static_cast<__half*>(a.maps) + begin, map, frames)
                  : store(static_cast<float*>(a.maps) + begin, map, frames);
    }
    sums.before += energy_of(map);
    if (a.edit.anchor.data) guide(map, frames, a.edit, row, group, first_head + head, query);
    sums.guided += energy_of(map);
    float high[M];
    find_high(map, frames, a.edit.high, high);
    sums.high += energy_of(high);
  }
  sums = sum_of_block(sums, warps);
  if (threadIdx.x == 0) {
    float* out = a.sums + (int64_t{blockIdx.x} * gridDim.y + blockIdx.y) * 3;
    out[0] = sums.before, out[1] = sums.guided, out[2] = sums.high;
  }
}

template <class T>
HeadBlocks split_of(const FrameMapEnergyArguments& a) {
  return head_blocks<T>(a.heads, a.frames, 2 * a.frames, a.width);
}

template <class T, int V, int M>
void launch(const FrameMapEnergyArguments& a, cudaStream_t stream) {
  const HeadBlocks split = split_of<T>(a);
  if (split.bytes > kMostSharedBytes) return;  // the caller has asked frame_map_energy_fits
  if (split.bytes > (48 << 10)) {
    cudaFuncSetAttribute(frame_map_energy<T, V, M>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(split.bytes));
  }
  const dim3 grid(static_cast<unsigned int>(a.rows * a.groups), split.blocks);
  frame_map_energy<T, V, M><<<grid, split.threads, split.bytes, stream>>>(a, split.heads, split.pitch);
}

template <class T, int V>
void launch_by_frames(const FrameMapEnergyArguments& a, cudaStream_t stream) {
  if (a.frames <= 8) return launch<T, V, 8>(a, stream);
  if (a.frames <= 16) return launch<T, V, 16>(a, stream);
  if (a.frames <= 32) return launch<T, V, 32>(a, stream);
  if (a.frames <= 64) return launch<T, V, 64>(a, stream);
  launch<T, V, 128>(a, stream);
}

}  // namespace

bool frame_map_energy_fits(const FrameMapEnergyArguments& a) {
  if (frame_map_energy_mma_fits(a)) return true;
  const int64_t size = a.type == KernelType::kFloat ? 4 : 2;
  return a.frames <= 128 && 2 * a.frames * (a.width * size + 16) <= kMostSharedBytes;
}

int64_t frame_map_energy_parts(const FrameMapEnergyArguments& a) {
  if (frame_map_energy_mma_fits(a)) return a.heads * ((a.frames + 15) / 16);
  return a.type == KernelType::kFloat ? split_of<float>(a).blocks : split_of<__half>(a).blocks;
}

void launch_frame_map_energy(const FrameMapEnergyArguments& a, cudaStream_t stream) {
  if (frame_map_energy_mma_fits(a)) return launch_frame_map_energy_mma(a, stream);
  switch (a.type) {
    case KernelType::kFloat: {
      const bool packs = in_packs(a.q, a.width, 4) && in_packs(a.k, a.width, 4);
      return packs ? launch_by_frames<float, 4>(a, stream) : launch_by_frames<float, 1>(a, stream);
    }
    case KernelType::kHalf:  // rows that do not begin at whole packs
      return launch_by_frames<__half, 1>(a, stream);
    case KernelType::kBFloat16:
      return launch_by_frames<__nv_bfloat16, 1>(a, stream);
  }
}

}  // namespace reel::attention
