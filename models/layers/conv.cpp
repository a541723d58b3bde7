#include "models/layers/conv.h"

#include "models/layers/linear.h"

namespace reel::models {
namespace {

at::Tensor to_nchw(const at::Tensor& x) { return x.permute({0, 3, 1, 2}); }  // a channels-last view
at::Tensor to_nhwc(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).contiguous(); }

}  // namespace

Conv2d Conv2d::load(const Weights& weights, int64_t in, int64_t out, int64_t kernel, int64_t stride,
                    int64_t padding) {
  Conv2d conv;
  conv.weight = weights.place(
      weights.get("weight", {out, in, kernel, kernel}).contiguous(at::MemoryFormat::ChannelsLast));
  conv.bias = weights.place(weights.get("bias", {out}));
  conv.stride = stride, conv.padding = padding;
  conv.rows_at_once = weights.options().rows_at_once;
  conv.host_plan = weights.options().plans_for_host();
  return conv;
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  if (weight.size(2) == 1 && weight.size(3) == 1 && stride == 1 && padding == 0) {
    return product_by_rows(x, weight.flatten(1), bias, rows_at_once,
                           x.is_cpu() || (host_plan && x.is_meta()));
  }
  return to_nhwc(convolved(to_nchw(x), weight, bias, {stride, stride}, {padding, padding}));
}

at::Tensor convolved(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     at::IntArrayRef stride, at::IntArrayRef padding) {
  if (!x.is_cpu() || x.scalar_type() != at::kFloat || !at::hasMKLDNN() || x.numel() == 0)
    return at::conv2d(x, weight, bias, stride, padding);
  return at::mkldnn_convolution(x, weight, bias.defined() ? std::optional(bias) : std::nullopt, padding,
                                stride,
                                /*dilation=*/{1, 1}, /*groups=*/1);
}

}  // namespace reel::models
