#include "models/layers/layers.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include "attention/plugin/spec.h"
#include "models/ops/channel_norm.h"
#include "models/ops/layer_norm.h"

namespace reel::models {
namespace {

at::Tensor to_nchw(const at::Tensor& x) { return x.permute({0, 3, 1, 2}); }  // a channels-last view
at::Tensor to_nhwc(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).contiguous(); }

/// Whether oneDNN convolves bf16 on this processor: what ATen asks for (aten/src/ATen/native/mkldnn/Utils.h),
/// which otherwise falls back to slow loops, or refuses.
bool has_bf16_convolutions() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

/// On CPUs a 1x1 convolution of many positions runs 10 to 15 % faster than the same matrix product, and adds
/// its bias on the way.
bool as_convolution(const at::Tensor& x) {
  return x.is_cpu() && x.is_contiguous() && x.numel() >= 256 * x.size(-1) && at::hasMKLDNN() &&
         (x.scalar_type() == at::kFloat || (x.scalar_type() == at::kBFloat16 && has_bf16_convolutions()));
}

/// [..., C] as the map [1, C, positions, 1], channels-last: a view.
at::Tensor as_map(const at::Tensor& x) { return x.view({1, -1, 1, x.size(-1)}).permute({0, 3, 1, 2}); }

}  // namespace

Linear Linear::load(const Weights& weights, int64_t in, int64_t out, bool with_bias) {
  Linear linear;
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
  return {at::cat(rows), with_bias ? at::cat(biases) : at::Tensor()};
}

Linear Linear::load_pointwise(const Weights& weights, int64_t in, int64_t out, bool with_bias) {
  Linear linear;
  std::vector<int64_t> shape = {out, in};
  const size_t stored = weights.shape("weight").size();
  if (stored == 3 || stored == 4) shape.resize(stored, 1);
  linear.weight = weights.get("weight", shape).flatten(1);
  if (with_bias) linear.bias = weights.get("bias", {out});
  return linear;
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (!as_convolution(x)) return at::linear(x, weight, bias);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  const at::Tensor y = at::conv2d(as_map(x), weight.unsqueeze(-1).unsqueeze(-1), bias);
  return y.permute({0, 2, 3, 1}).contiguous().view(shape);
}

void Linear::add_to(const at::Tensor& residual, const at::Tensor& x) const {
  if (!as_convolution(x)) {
    residual.add_(at::linear(x, weight, bias));
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

Conv2d Conv2d::load(const Weights& weights, int64_t in, int64_t out, int64_t kernel, int64_t stride,
                    int64_t padding) {
  Conv2d conv;
  conv.weight = weights.get("weight", {out, in, kernel, kernel}).contiguous(at::MemoryFormat::ChannelsLast);
  conv.bias = weights.get("bias", {out});
  conv.stride = stride, conv.padding = padding;
  return conv;
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  if (weight.size(2) == 1 && weight.size(3) == 1 && stride == 1 && padding == 0) {
    return at::linear(x, weight.flatten(1), bias);
  }
  return to_nhwc(at::conv2d(to_nchw(x), weight, bias, stride, padding));
}

GroupNorm GroupNorm::load(const Weights& weights, int64_t channels, int64_t groups, double eps) {
  if (groups < 1 || channels % groups != 0) {
    throw std::runtime_error("[" + weights.path() + "norm] " + std::to_string(channels) +
                             " channels do not divide into " + std::to_string(groups) +
                             " groups; check norm_num_groups in config.json");
  }
  return {weights.get("weight", {channels}), weights.get("bias", {channels}), groups, eps};
}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const {
  return group_norm_channels_last(x.contiguous(), weight, bias, groups, eps, /*silu=*/false);
}

at::Tensor GroupNorm::silu(const at::Tensor& x) const {
  return group_norm_channels_last(x.contiguous(), weight, bias, groups, eps, /*silu=*/true);
}

LayerNorm LayerNorm::load(const Weights& weights, int64_t width, double eps, bool affine) {
  if (!affine) return {{}, {}, eps};
  return {weights.get("weight", {width}), weights.get("bias", {width}), eps};
}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return layer_norm(x.contiguous(), weight, bias, {}, eps);
}

at::Tensor LayerNorm::plus(const at::Tensor& x, const at::Tensor& positions) const {
  return layer_norm(x.contiguous(), weight, bias, positions, eps);
}

Activation parse_activation(const std::string& place, const std::string& name) {
  static const std::vector<std::pair<std::string, Activation>> kKnown = {
      {"silu", Activation::kSilu},
      {"swish", Activation::kSilu},
      {"gelu", Activation::kGelu},
      {"gelu_new", Activation::kGeluTanh},
      {"quick_gelu", Activation::kQuickGelu},
      {"gelu_pytorch_tanh", Activation::kGeluTanh},
      {"relu", Activation::kRelu},
      {"mish", Activation::kMish}};
  std::vector<std::string> names;
  for (const auto& [known, activation] : kKnown) {
    if (known == name) return activation;
    names.push_back(known);
  }
  const std::string near = nearest_name(name, names);
  throw std::runtime_error(
      "[" + place + "] the activation '" + name + "' is not known; " +
      (near.empty() ? "silu, gelu, quick_gelu, relu and mish are" : "did you mean '" + near + "'?"));
}

at::Tensor activate(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kQuickGelu:
      return x * at::sigmoid(x * 1.702);
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kMish:
      return at::mish(x);
  }
  TORCH_INTERNAL_ASSERT(false, "unhandled activation");
}

at::Tensor timestep_embedding(const at::Tensor& timesteps, int64_t width, bool cosines_first,
                              double frequency_shift) {
  const int64_t half = width / 2;
  const auto options = at::TensorOptions(at::kFloat).device(timesteps.device());
  const at::Tensor exponent =
      at::arange(half, options) * -std::log(10000.0) / (static_cast<double>(half) - frequency_shift);
  const at::Tensor angles = timesteps.to(at::kFloat).unsqueeze(1) * at::exp(exponent).unsqueeze(0);
  at::Tensor embedding = cosines_first ? at::cat({at::cos(angles), at::sin(angles)}, 1)
                                       : at::cat({at::sin(angles), at::cos(angles)}, 1);
  if (width % 2) embedding = at::constant_pad_nd(embedding, {0, 1});
  return embedding;
}

at::Tensor upsample_nearest(const at::Tensor& x, int64_t height, int64_t width) {
  return to_nhwc(at::upsample_nearest2d(to_nchw(x), {height, width}));
}

}  // namespace reel::models
