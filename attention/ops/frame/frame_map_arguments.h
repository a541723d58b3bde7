// FrameMapEdit as kernels take it: raw pointers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace reel::attention {

/// A tensor [R, G, heads, N, d] with d contiguous; strides in elements.
struct FrameTensor {
  const void* data = nullptr;
  int64_t row = 0, group = 0, head = 0, token = 0;
};

/// Whether a tensor of elements of `size` bytes can be read 16 bytes at a time.
inline bool in_packs(const FrameTensor& t, int64_t width, size_t size) {
  const int64_t pack = 16 / static_cast<int64_t>(size);
  return reinterpret_cast<uintptr_t>(t.data) % 16 == 0 && width % pack == 0 && t.row % pack == 0 &&
         t.group % pack == 0 && t.head % pack == 0 && t.token % pack == 0;
}

/// Null pointers change nothing.
struct FrameMapArguments {
  const float* band = nullptr;  // [F]
  FrameTensor anchor;           // [R, G', heads, F, F]
  bool half_anchor = false;     // f16, else f32
  const int* places = nullptr;  // [G, neighbours]
  const float* weights = nullptr;
  int neighbours = 0;
  float alpha = 0;
  const float* gain = nullptr;  // [R]
  const float* high = nullptr;  // [F]; null: all frequencies but the mean
  bool any() const { return band || anchor.data || gain; }
};

}  // namespace reel::attention
