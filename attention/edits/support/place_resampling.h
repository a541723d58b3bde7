// Maps of one picture size for the places of another.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace reel::attention {

/// Each place of a picture as the mean of a few places of another.
struct PlaceResampling {
  at::Tensor places;   // [height width, n] i32, row by row
  at::Tensor weights;  // [height width, n] f32, rows summing to one
};

/// `interpolation`: "nearest" (n = 1) or "bilinear" (n = 4, outer edges coincide: align_corners = false), as
/// torch.nn.functional.interpolate has them. On the CPU.
PlaceResampling resample_places(int64_t from_height, int64_t from_width, int64_t height, int64_t width,
                                const std::string& interpolation);

}  // namespace reel::attention
