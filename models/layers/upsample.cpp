#include "models/layers/upsample.h"

#include "models/layers/conv.h"

namespace reel::models {
namespace {

/// Turns the weights [..., 3] of one direction into those of even and of odd positions, [..., 2] each. The
/// neighbours of an even position are the cell before it (once) and its own (twice); those of an odd one its
/// own (twice) and the cell after it.
std::array<at::Tensor, 2> fold(const at::Tensor& weight) {
  const at::Tensor first = weight.select(-1, 0), middle = weight.select(-1, 1), last = weight.select(-1, 2);
  return {at::stack({first, middle + last}, -1), at::stack({first + middle, last}, -1)};
}

/// The inverse: the middle weight is what the outer ones leave of the sums.
at::Tensor unfold(const at::Tensor& even, const at::Tensor& odd) {
  const at::Tensor first = even.select(-1, 0), last = odd.select(-1, 1);
  return at::stack({first, even.select(-1, 1) - last, last}, -1);
}

}  // namespace

at::Tensor upsample_nearest(const at::Tensor& x, int64_t height, int64_t width) {
  return at::upsample_nearest2d(x.permute({0, 3, 1, 2}), {height, width}).permute({0, 2, 3, 1}).contiguous();
}

UpsampleConv UpsampleConv::load(const Weights& weights, int64_t in, int64_t out) {
  const at::Tensor weight = weights.get("weight", {out, in, 3, 3}), bias = weights.get("bias", {out});
  std::vector<at::Tensor> phases;
  for (const at::Tensor& rows : fold(weight.to(at::kFloat).transpose(2, 3)))
    for (const at::Tensor& both : fold(rows.transpose(2, 3))) phases.push_back(both);
  UpsampleConv conv;
  conv.phases_ =
      weights.place(at::cat(phases).to(weight.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast));
  conv.bias_ = weights.place(bias.repeat(4));
  return conv;
}

at::Tensor UpsampleConv::operator()(const at::Tensor& x, int64_t height, int64_t width) const {
  const int64_t n = x.size(0), h = x.size(1), w = x.size(2), out = phases_.size(0) / 4;
  const auto fits = [](int64_t large, int64_t small) { return large == 2 * small || large == 2 * small - 1; };
  TORCH_CHECK(fits(height, h) && fits(width, w), "upsampling doubles ", x.sizes(), " or leaves out one, got ",
              height, "x", width);
  if (height % 2 || width % 2) {
    // The doubled map lacks its last row or column: the neighbour of that sees the border instead.
    const auto phase = [&](int64_t i) { return phases_.narrow(0, i * out, out).to(at::kFloat); };
    const at::Tensor even = unfold(phase(0), phase(1)), odd = unfold(phase(2), phase(3));
    const at::Tensor weight = unfold(even.transpose(2, 3), odd.transpose(2, 3)).transpose(2, 3);
    return Conv2d{weight.to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast),
                  bias_.narrow(0, 0, out)}(upsample_nearest(x, height, width));
  }
  // One row and column more than x has: even outputs begin at the first, odd ones at the second.
  const at::Tensor y =
      convolved(x.permute({0, 3, 1, 2}), phases_, bias_, /*stride=*/{1, 1}, /*padding=*/{1, 1})
          .permute({0, 2, 3, 1})
          .unflatten(-1, {2, 2, out});
  at::Tensor result = at::empty({n, h, 2, w, 2, out}, x.options());
  for (int64_t a = 0; a < 2; ++a) {
    for (int64_t b = 0; b < 2; ++b)
      result.select(2, a).select(3, b).copy_(y.narrow(1, a, h).narrow(2, b, w).select(3, a).select(3, b));
  }
  return result.view({n, height, width, out});
}

}  // namespace reel::models
