#include "models/layers/linear.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include "models/layers/conv.h"

namespace reel::models {
namespace {

/// Whether oneDNN convolves bf16 on this processor. This is the test of ATen
/// (aten/src/ATen/native/mkldnn/Utils.h), which otherwise falls back to slow loops, or refuses.
bool has_bf16_convolutions() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

/// On CPUs a 1x1 convolution of many positions runs 10 to 15 % faster than the same matrix product, and adds
/// its bias on the way. In f32 what counts is the positions of a row, so that rows do not depend on one another.
bool as_convolution(const at::Tensor& x, int64_t positions) {
  if (!x.is_cpu() || !x.is_contiguous() || !at::hasMKLDNN()) return false;
  if (x.scalar_type() == at::kFloat) return positions >= kManyPositions;
  return x.scalar_type() == at::kBFloat16 && x.numel() >= 256 * x.size(-1) && has_bf16_convolutions();
}

/// [..., C] as the map [1, C, positions, 1], channels-last: a view.
at::Tensor as_map(const at::Tensor& x) { return x.view({1, -1, 1, x.size(-1)}).permute({0, 3, 1, 2}); }

}  // namespace

Linear Linear::load(const Weights& weights, int64_t in, int64_t out, bool with_bias) {
  Linear linear{.rows_at_once = weights.options().rows_at_once};
  linear.weight = weights.get("weight", {out, in});
  if (with_bias) linear.bias = weights.get("bias", {out});
  return linear;
}

Linear Linear::load_fused(const Weights& weights, const std::vector<std::string>& names, int64_t in,
                          const std::vector<int64_t>& out, bool with_bias) {
  std::vector<at::Tensor> rows, biases;
  for (size_t i = 0; i < names.size(); ++i) {
    const Linear part = load_pointwise(weights.scope(names[i]), in, out[i], with_bias);
    rows.push_back(part.weight);
    if (with_bias) biases.push_back(part.bias);
  }
  return {at::cat(rows), with_bias ? at::cat(biases) : at::Tensor(), weights.options().rows_at_once};
}

Linear Linear::load_pointwise(const Weights& weights, int64_t in, int64_t out, bool with_bias) {
  Linear linear{.rows_at_once = weights.options().rows_at_once};
  std::vector<int64_t> shape = {out, in};
  const size_t stored = weights.shape("weight").size();
  if (stored == 3 || stored == 4) shape.resize(stored, 1);
  linear.weight = weights.get("weight", shape).flatten(1);
  if (with_bias) linear.bias = weights.get("bias", {out});
  return linear;
}

int64_t positions_of_row(const at::Tensor& x) {
  return x.dim() < 3 ? 1 : x.numel() / std::max<int64_t>(1, x.size(0) * x.size(-1));
}

at::Tensor product_by_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           int64_t rows_at_once) {
  const int64_t rows = x.dim() > 1 ? x.size(0) : 1,
                missing = (rows_at_once - rows % rows_at_once) % rows_at_once;
  if (!x.is_cpu() || x.scalar_type() != at::kFloat || x.dim() < 2 || rows == rows_at_once || rows == 0)
    return at::linear(x, weight, bias);
  std::vector<at::Tensor> parts;
  for (int64_t r = 0; r + rows_at_once <= rows; r += rows_at_once)
    parts.push_back(at::linear(x.narrow(0, r, rows_at_once), weight, bias));
  if (missing > 0) {
    std::vector<at::Tensor> filled = {x.narrow(0, rows - rows % rows_at_once, rows % rows_at_once)};
    filled.insert(filled.end(), static_cast<size_t>(missing), x.narrow(0, rows - 1, 1));
    parts.push_back(at::linear(at::cat(filled), weight, bias).narrow(0, 0, rows % rows_at_once));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

at::Tensor Linear::apply(const at::Tensor& x, int64_t positions) const {
  // Up to 20,480 values the matrix product is as fast.
  const bool small = x.scalar_type() == at::kFloat && positions * rows_at_once * x.size(-1) <= 20480;
  if (small || !as_convolution(x, positions)) return product_by_rows(x, weight, bias, rows_at_once);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  const at::Tensor y = convolved(as_map(x), weight.unsqueeze(-1).unsqueeze(-1), bias, {1, 1}, {0, 0});
  return y.permute({0, 2, 3, 1}).contiguous().view(shape);
}

void Linear::add_to(const at::Tensor& residual, const at::Tensor& x, int64_t positions) const {
  if (!as_convolution(x, positions)) {
    residual.add_(product_by_rows(x, weight, bias, rows_at_once));
    return;
  }
  // Boxed, since the exact C++ types of this signature are not LibTorch's public interface; its schema is.
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise_", "binary");
  const auto pair = [](int64_t value) { return c10::List<int64_t>({value, value}); };
  std::vector<c10::IValue> stack = {as_map(residual), as_map(x), weight.unsqueeze(-1).unsqueeze(-1),
                                    bias.defined() ? c10::IValue(bias) : c10::IValue()};
  for (const int64_t value : {0, 1, 1}) stack.emplace_back(pair(value));  // padding, stride, dilation
  stack.emplace_back(int64_t{1});                                         // groups
  stack.emplace_back("add");
  stack.insert(stack.end(), 2, c10::IValue());  // its factor, and no activation
  stack.emplace_back(c10::List<std::optional<at::Scalar>>());
  stack.emplace_back();
  op.callBoxed(stack);
}

}  // namespace reel::models
