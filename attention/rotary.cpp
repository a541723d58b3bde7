#include "attention/rotary.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

namespace reel::attention {
namespace {

at::Tensor powers(int64_t channels, double base) {
  const at::Tensor exponent = at::arange(0, channels, 2, at::kDouble) / double(channels);
  return at::pow(base, exponent).reciprocal();
}

}  // namespace

Rotary Rotary::plain(int64_t channels, double base, Pairs pairs) {
  return {.pairs = pairs, .frequencies = powers(channels, base)};
}

Rotary Rotary::sections(const std::vector<int64_t>& channels_of_axis, double base, Pairs pairs) {
  Rotary rotary{.pairs = pairs};
  std::vector<at::Tensor> parts;
  for (size_t axis = 0; axis < channels_of_axis.size(); ++axis) {
    parts.push_back(powers(channels_of_axis[axis], base));
    rotary.axes.insert(rotary.axes.end(), size_t(channels_of_axis[axis] / 2), int64_t(axis));
  }
  rotary.frequencies = at::cat(parts);
  return rotary;
}

Rotary Rotary::shared(const std::vector<int64_t>& pairs_of_axis, double base) {
  Rotary rotary;
  for (size_t axis = 0; axis < pairs_of_axis.size(); ++axis)
    rotary.axes.insert(rotary.axes.end(), size_t(pairs_of_axis[axis]), int64_t(axis));
  rotary.frequencies = powers(2 * int64_t(rotary.axes.size()), base);
  return rotary;
}

RotaryAngles angles_at(const Rotary& rotary, const at::Tensor& positions) {
  const int64_t axes =
      rotary.axes.empty() ? 1 : *std::max_element(rotary.axes.begin(), rotary.axes.end()) + 1;
  TORCH_CHECK(positions.dim() == 5 && positions.size(4) >= axes,
              "rotary: positions must be [R or 1, G or 1, heads or 1, N, ", axes, "], got ",
              positions.sizes());
  at::Tensor place = positions.to(at::kDouble);
  if (rotary.axes.empty()) {
    place = place.narrow(4, 0, 1);
  } else {
    place =
        place.index_select(4, at::tensor(rotary.axes, at::TensorOptions(at::kLong).device(place.device())));
  }
  const at::Tensor angle = place * rotary.frequencies.to(place.device());  // [..., N, pairs] f64
  return {&rotary, positions, at::cos(angle).mul_(rotary.factor).to(at::kFloat),
          at::sin(angle).mul_(rotary.factor).to(at::kFloat)};
}

at::Tensor turned(const at::Tensor& x, const RotaryAngles& angles) {
  const int64_t pairs = angles.cosine.size(4), width = 2 * pairs;
  TORCH_CHECK(width <= x.size(4), "rotary: ", width, " channels turn, and heads have ", x.size(4));
  TORCH_CHECK(angles.cosine.size(3) == x.size(3), "rotary: positions of ", angles.cosine.size(3),
              " tokens for ", x.size(3));
  const bool halves = angles.rotary->pairs == Rotary::Pairs::kHalves;
  const at::Tensor turning = x.narrow(4, 0, width).to(at::kFloat);
  const at::Tensor both = halves ? turning.unflatten(4, {2, pairs}) : turning.unflatten(4, {pairs, 2});
  const int64_t pair_dim = halves ? 4 : 5;
  const at::Tensor a = both.select(pair_dim, 0), b = both.select(pair_dim, 1);
  at::Tensor result = at::empty_like(x, at::MemoryFormat::Contiguous);
  const at::Tensor target = result.narrow(4, 0, width);
  const at::Tensor to = halves ? target.unflatten(4, {2, pairs}) : target.unflatten(4, {pairs, 2});
  to.select(pair_dim, 0).copy_(a * angles.cosine - b * angles.sine);
  to.select(pair_dim, 1).copy_(b * angles.cosine + a * angles.sine);
  if (width < x.size(4))
    result.narrow(4, width, x.size(4) - width).copy_(x.narrow(4, width, x.size(4) - width));
  return result;
}

at::Tensor rotated(const Rotary& rotary, const at::Tensor& x, const at::Tensor& positions) {
  return turned(x, angles_at(rotary, positions));
}

}  // namespace reel::attention
