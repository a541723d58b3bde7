// Pillow's Image.resize on 8-bit RGB, equal to the last bit: what image processors of vision models are defined by.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "models/vision/resample_axis.h"

namespace reel::models {

/// A size in pixels.
struct Size {
  int64_t height = 0, width = 0;
  bool operator==(const Size&) const = default;
};

/// A part of a picture, in pixels.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

/// Where a picture lies on a larger one of one colour, as when it is padded to a square. The larger one is never
/// formed: a picture of 1 x 1,000,000 pixels costs what its own pixels cost.
struct Canvas {
  Size size;
  int64_t top = 0, left = 0;  // of the picture, which lies wholly on the canvas
  std::array<uint8_t, 3> colour = {0, 0, 0};
};

/// The part `window` of what `canvas`, with the picture on it, becomes when it is resized to `size`.
/// `picture`: uint8 [H, W, 3], contiguous, on the CPU. Returns uint8 [window.height, window.width, 3].
/// The antialiased filters work in two passes, mostly along rows first, each rounded to 8 bits; weights are fixed-point
/// numbers of 22 bits. Only rows and columns that the window needs are computed.
/// Source: Pillow 13, whose results it reproduces.
/// Throws: std::invalid_argument unless all sizes are 1 to 2^31 - 1, the picture lies on the canvas, and the window in
/// `size`.
at::Tensor resample(const at::Tensor& picture, const Canvas& canvas, Size size, const Window& window,
                    Filter filter);

/// The whole of a resized picture.
at::Tensor resample(const at::Tensor& picture, Size size, Filter filter);

}  // namespace reel::models
