#include "attention/edits/support/place_resampling.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace reel::attention {
namespace {

/// Sample i of `to` lies at lower + part (upper - lower) of `from` samples.
struct Axis {
  at::Tensor lower, upper, part;
  Axis(int64_t from, int64_t to) {
    const at::Tensor position =
        ((at::arange(to, at::kDouble) + 0.5) * (double(from) / double(to)) - 0.5).clamp_min(0);
    lower = position.floor().to(at::kLong);
    upper = (lower + 1).clamp_max(from - 1);
    part = position - lower;
  }
};

}  // namespace

PlaceResampling resample_places(int64_t from_height, int64_t from_width, int64_t height, int64_t width,
                                const std::string& interpolation) {
  if (interpolation == "nearest") {
    const auto axis = [](int64_t from, int64_t to) {
      return at::arange(to, at::kLong).mul_(from).floor_divide_(to);
    };
    const at::Tensor places = axis(from_height, height).unsqueeze(1) * from_width + axis(from_width, width);
    return {places.view({-1, 1}).to(at::kInt), at::ones({height * width, 1}, at::kFloat)};
  }
  const Axis y(from_height, height), x(from_width, width);
  std::vector<at::Tensor> places, weights;
  for (const auto& [row, row_weight] : {std::pair(y.lower, 1 - y.part), {y.upper, y.part}}) {
    for (const auto& [column, column_weight] : {std::pair(x.lower, 1 - x.part), {x.upper, x.part}}) {
      places.push_back((row.unsqueeze(1) * from_width + column).flatten());
      weights.push_back((row_weight.unsqueeze(1) * column_weight).flatten());
    }
  }
  return {at::stack(places, 1).to(at::kInt), at::stack(weights, 1).to(at::kFloat)};
}

}  // namespace reel::attention
