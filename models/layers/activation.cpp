#include "models/layers/activation.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include "attention/plugin/spec.h"

namespace reel::models {
namespace {

/// f(x), element by element, so that an element's bits do not depend on where it stands. On CPUs ATen computes
/// 32 elements at a time by vector functions and what is left of each thread's share by other ones, whose last
/// bits differ: here each share is a multiple of 64, and the last elements are filled up to 64.
template <class F>
at::Tensor in_whole_vectors(const at::Tensor& x, const F& f) {
  constexpr int64_t kStep = 64, kShare = 32768;  // kShare: what ATen computes on one thread
  const int64_t n = x.numel(), whole = n / kStep * kStep;
  if (!x.is_cpu() || x.scalar_type() != at::kFloat || (n == whole && n <= kShare)) return f(x);
  const at::Tensor from = x.contiguous().flatten(), result = at::empty_like(x, at::MemoryFormat::Contiguous),
                   to = result.flatten();
  const bool inference = c10::InferenceMode::is_enabled();
  at::parallel_for(0, whole / kStep, kShare / kStep, [&](int64_t begin, int64_t end) {
    const c10::InferenceMode mode(inference);
    const int64_t count = (end - begin) * kStep;
    to.narrow(0, begin * kStep, count).copy_(f(from.narrow(0, begin * kStep, count)));
  });
  if (n > whole) {
    const at::Tensor last = at::zeros({kStep}, from.options());
    last.narrow(0, 0, n - whole).copy_(from.narrow(0, whole, n - whole));
    to.narrow(0, whole, n - whole).copy_(f(last).narrow(0, 0, n - whole));
  }
  return result;
}

}  // namespace

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
      return in_whole_vectors(x, [](const at::Tensor& t) { return at::silu(t); });
    case Activation::kGelu:
      return in_whole_vectors(x, [](const at::Tensor& t) { return at::gelu(t); });
    case Activation::kGeluTanh:
      return in_whole_vectors(x, [](const at::Tensor& t) { return at::gelu(t, "tanh"); });
    case Activation::kQuickGelu:
      return x * in_whole_vectors(x * 1.702, [](const at::Tensor& t) { return at::sigmoid(t); });
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kMish:
      return in_whole_vectors(x, [](const at::Tensor& t) { return at::mish(t); });
  }
  TORCH_INTERNAL_ASSERT(false, "unhandled activation");
}

}  // namespace reel::models
