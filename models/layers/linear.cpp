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
bool as_convolution(const at::Tensor& x, int64_t positions, bool on_host) {
  if (!on_host || !x.is_contiguous() || !at::hasMKLDNN()) return false;
  if (x.scalar_type() == at::kFloat) return positions >= kManyPositions;
  return x.scalar_type() == at::kBFloat16 && x.numel() >= 256 * x.size(-1) && has_bf16_convolutions();
}

/// [..., C] as the map [1, C, positions, 1], channels-last: a view.
at::Tensor as_map(const at::Tensor& x) { return x.view({1, -1, 1, x.size(-1)}).permute({0, 3, 1, 2}); }

Linear empty_linear(const Weights& weights) {
  const LoadOptions& options = weights.options();
  return {.rows_at_once = options.rows_at_once,
          .gpu_tile = options.gpu_tile,
          .host_plan = options.plans_for_host()};
}

/// The weight [out, in] of a layer that may be stored as a convolution of width 1.
at::Tensor pointwise(const Weights& weights, int64_t in, int64_t out) {
  std::vector<int64_t> shape = {out, in};
  const size_t stored = weights.shape("weight").size();
  if (stored == 3 || stored == 4) shape.resize(stored, 1);
  return weights.get("weight", shape).flatten(1);
}

}  // namespace

Linear Linear::load(const Weights& weights, int64_t in, int64_t out, bool with_bias) {
  Linear linear = empty_linear(weights);
  linear.weight = weights.place(weights.get("weight", {out, in}));
  if (with_bias) linear.bias = weights.place(weights.get("bias", {out}));
  return linear;
}

Linear Linear::load_fused(const Weights& weights, const std::vector<std::string>& names, int64_t in,
                          const std::vector<int64_t>& out, bool with_bias) {
  std::vector<at::Tensor> rows, biases;
  for (size_t i = 0; i < names.size(); ++i) {
    const Weights part = weights.scope(names[i]);
    rows.push_back(pointwise(part, in, out[i]));
    if (with_bias) biases.push_back(part.get("bias", {out[i]}));
  }
  Linear linear = empty_linear(weights);
  linear.weight = weights.place(at::cat(rows));
  if (with_bias) linear.bias = weights.place(at::cat(biases));
  return linear;
}

Linear Linear::load_pointwise(const Weights& weights, int64_t in, int64_t out, bool with_bias) {
  Linear linear = empty_linear(weights);
  linear.weight = weights.place(pointwise(weights, in, out));
  if (with_bias) linear.bias = weights.place(weights.get("bias", {out}));
  return linear;
}

int64_t positions_of_row(const at::Tensor& x) {
  return x.dim() < 3 ? 1 : x.numel() / std::max<int64_t>(1, x.size(0) * x.size(-1));
}

at::Tensor product_by_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           int64_t rows_at_once, bool on_host) {
  if (!on_host || x.scalar_type() != at::kFloat || x.dim() < 2 || x.size(0) == 0)
    return at::linear(x, weight, bias);
  std::vector<int64_t> copies(static_cast<size_t>(x.dim()), 1);
  if (positions_of_row(x) < kFewPositions) copies.front() = rows_at_once;
  const auto product = [&](const at::Tensor& row) {
    // A copy where none is needed otherwise, since MKL rounds by the alignment and the strides of a row, too.
    const bool aligned = copies.front() == 1 && row.is_contiguous() &&
                         reinterpret_cast<uintptr_t>(row.const_data_ptr()) % 64 == 0;
    return at::linear(aligned ? row : row.repeat(copies), weight, bias).narrow(0, 0, 1);
  };
  if (x.size(0) == 1) return product(x);
  std::vector<at::Tensor> rows;
  for (int64_t r = 0; r < x.size(0); ++r) rows.push_back(product(x.narrow(0, r, 1)));
  return at::cat(rows);
}

at::Tensor product_in_tiles(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            int64_t tile) {
  std::vector<at::Tensor> parts;
  if (positions_of_row(x) >= tile) {
    for (int64_t r = 0; r < x.size(0); ++r) parts.push_back(at::linear(x.narrow(0, r, 1), weight, bias));
    return at::cat(parts);
  }
  const at::Tensor positions = x.reshape({-1, x.size(-1)});
  const int64_t count = positions.size(0), missing = (tile - count % tile) % tile;
  const at::Tensor filled =
      missing > 0 ? at::cat({positions, positions.new_zeros({missing, x.size(-1)})}) : positions;
  for (int64_t first = 0; first < count; first += tile)
    parts.push_back(at::linear(filled.narrow(0, first, tile), weight, bias));
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return at::cat(parts).narrow(0, 0, count).view(shape);
}

at::Tensor Linear::apply(const at::Tensor& x, int64_t positions) const {
  if (gpu_tile > 0 && x.is_cuda()) return product_in_tiles(x, weight, bias, gpu_tile);
  // Up to 20,480 values the matrix product is as fast.
  const bool small = x.scalar_type() == at::kFloat && positions * rows_at_once * x.size(-1) <= 20480;
  const bool host = on_host(x);
  if (small || !as_convolution(x, positions, host))
    return product_by_rows(x, weight, bias, rows_at_once, host);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  const at::Tensor y = convolved(as_map(x), weight.unsqueeze(-1).unsqueeze(-1), bias, {1, 1}, {0, 0});
  return y.permute({0, 2, 3, 1}).contiguous().view(shape);
}

void Linear::add_to(const at::Tensor& residual, const at::Tensor& x, int64_t positions) const {
  if (!as_convolution(x, positions, on_host(x))) {
    residual.add_(gpu_tile > 0 && x.is_cuda() ? product_in_tiles(x, weight, bias, gpu_tile)
                                              : product_by_rows(x, weight, bias, rows_at_once, on_host(x)));
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
