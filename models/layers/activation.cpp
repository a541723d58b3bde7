#include "models/layers/activation.h"

#include "attention/plugin/spec.h"

namespace reel::models {

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

}  // namespace reel::models
