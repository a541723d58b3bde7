// Activation functions, by the names that configurations give them.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace reel::models {

enum class Activation { kSilu, kGelu, kGeluTanh, kQuickGelu, kRelu, kMish };

/// Reads a name as configurations write it: silu, swish, gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu,
/// mish.
/// Throws: std::runtime_error "[place] ..." with the nearest known name.
Activation parse_activation(const std::string& place, const std::string& name);
at::Tensor activate(Activation activation, const at::Tensor& x);

}  // namespace reel::models
