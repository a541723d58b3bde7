// frame_map_energy for half types on tensor cores: a warp has sixteen queries of one sequence and head.
#include "attention/ops/frame/frame_map_energy_kernel.h"
#include "attention/ops/frame/frame_mma.cuh"

namespace reel::attention {
namespace {

__device__ float sum_of_warp(float x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) x += __shfl_down_sync(0xffffffffU, x, offset);
  return x;
}

template <class T, int Tiles>
__global__ void __launch_bounds__(kWarpsPerBlock * 32) frame_map_energy_mma(const FrameMapEnergyArguments a) {
  const int frames = static_cast<int>(a.frames);
  const WarpTask task = warp_task(a.rows, a.groups, a.heads, frames);
  if (!task.exists) return;
  const auto place = [&](const FrameTensor& t) {
    return static_cast<const T*>(t.data) + task.row * t.row + task.group * t.group + task.head * t.head;
  };
  MapTile<Tiles> map;
  map.first_query = task.first_query, map.keys = frames;
  float inverse[2];
  map.form(place(a.q), a.q.token, frames, place(a.k), a.k.token, static_cast<int>(a.width), a.scale,
           a.edit.band, inverse);
  map.normalise(inverse);
  if (a.maps) {
    const int64_t begin =
        ((task.row * a.groups + task.group) * a.heads + task.head) * int64_t{frames} * frames;
    map.for_each_key([&](float& cell, int half, int j) {
      if (map.row(half * 2) >= frames) return;
      const int64_t at = begin + map.row(half * 2) * frames + j;
      if (a.half_maps)
        static_cast<__half*>(a.maps)[at] = __float2half_rn(cell);
      else
        static_cast<float*>(a.maps)[at] = cell;
    });
  }
  const float before = sum_of_warp(map.energy(frames));
  if (a.edit.anchor.data) map.guide(a.edit, task.row, task.group, task.head, frames);
  const float guided = sum_of_warp(map.energy(frames));
  MapTile<Tiles> high;
  map.find_high(a.edit.high, high);
  const float raised = sum_of_warp(high.energy(frames));
  if (threadIdx.x % 32 == 0) {
    float* out = a.sums + (int64_t{blockIdx.x} * kWarpsPerBlock + threadIdx.x / 32) * 3;
    out[0] = before, out[1] = guided, out[2] = raised;
  }
}

template <class T>
void launch(const FrameMapEnergyArguments& a, cudaStream_t stream) {
  const unsigned int blocks = warp_blocks(a.rows, a.groups, a.heads, a.frames), threads = kWarpsPerBlock * 32;
  if (a.frames <= 16)
    frame_map_energy_mma<T, 2><<<blocks, threads, 0, stream>>>(a);
  else if (a.frames <= 32)
    frame_map_energy_mma<T, 4><<<blocks, threads, 0, stream>>>(a);
  else if (a.frames <= 64)
    frame_map_energy_mma<T, 8><<<blocks, threads, 0, stream>>>(a);
  else
    frame_map_energy_mma<T, 16><<<blocks, threads, 0, stream>>>(a);
}

}  // namespace

bool frame_map_energy_mma_fits(const FrameMapEnergyArguments& a) {
  return a.type != KernelType::kFloat && a.frames <= 128 && in_packs(a.q, a.width, 2) &&
         in_packs(a.k, a.width, 2);
}

void launch_frame_map_energy_mma(const FrameMapEnergyArguments& arguments, cudaStream_t stream) {
  arguments.type == KernelType::kHalf ? launch<__half>(arguments, stream)
                                      : launch<__nv_bfloat16>(arguments, stream);
}

}  // namespace reel::attention
