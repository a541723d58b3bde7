// Fragments of mma.m16n8k16 (PTX ISA, "Matrix Fragments for mma.m16n8k16"), read from tokens 16 bytes at a
// time.
#pragma once

#include <cstdint>

#include "attention/ops/pack.cuh"

namespace reel::attention {

/// Eight neighbouring channels of a token: four registers of two.
struct Channels {
  unsigned int pairs[4];
};

/// The channel at which a thread's eight of a chunk of 32 begin.
__device__ inline int first_channel(int chunk) { return chunk * 32 + static_cast<int>(threadIdx.x % 4) * 8; }

/// Zeros where there are none.
template <class T>
__device__ Channels load_channels(const T* channels, bool exists) {
  if (!exists) return {};
  const uint4 bits = __ldg(reinterpret_cast<const uint4*>(channels));
  return {{bits.x, bits.y, bits.z, bits.w}};
}

/// sums [16, 8] += a [16, 16] b [16, 8].
__device__ inline void multiply_add(float (&sums)[4], const unsigned int (&a)[4], unsigned int b0,
                                    unsigned int b1, __half) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ inline void multiply_add(float (&sums)[4], const unsigned int (&a)[4], unsigned int b0,
                                    unsigned int b1, __nv_bfloat16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// An 8 x 8 matrix of two-byte elements in a warp, turned around.
__device__ inline unsigned int transposed(unsigned int pair) {
  unsigned int result;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(result) : "r"(pair));
  return result;
}

/// Two values in one register, the first in the lower half.
__device__ inline unsigned int pair_of(float first, float second, __half) {
  const __half2 pair = __floats2half2_rn(first, second);
  return *reinterpret_cast<const unsigned int*>(&pair);
}
__device__ inline unsigned int pair_of(float first, float second, __nv_bfloat16) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(first, second);
  return *reinterpret_cast<const unsigned int*>(&pair);
}

/// 2^x to about 2 units in the last place; 0 for minus infinity.
__device__ inline float power_of_two(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// Over the four threads that share two rows.
__device__ inline float sum_of_row(float x) {
  x += __shfl_xor_sync(0xffffffffU, x, 1);
  return x + __shfl_xor_sync(0xffffffffU, x, 2);
}
__device__ inline float largest_of_row(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffU, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffU, x, 2));
}

}  // namespace reel::attention
