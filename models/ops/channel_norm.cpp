// Schemas and checks of reel::group_norm_channels_last and reel::geglu; devices register themselves.
#include "models/ops/channel_norm.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

namespace reel::models {

TORCH_LIBRARY_FRAGMENT(reel, library) {
  library.def(
      "group_norm_channels_last(Tensor x, Tensor weight, Tensor bias, int groups, float eps, bool silu) -> "
      "Tensor");
  library.def("geglu(Tensor x) -> Tensor");
}

at::Tensor group_norm_channels_last(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                    int64_t groups, double eps, bool silu) {
  TORCH_CHECK(x.dim() == 4 && x.is_contiguous(),
              "group_norm_channels_last: x must be a contiguous [N, H, W, C], got ", x.sizes());
  TORCH_CHECK(
      groups > 0 && x.size(3) % groups == 0 && weight.numel() == x.size(3) && bias.numel() == x.size(3),
      "group_norm_channels_last: ", x.size(3), " channels, ", groups, " groups, weights of ", weight.numel());
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("reel::group_norm_channels_last", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                               int64_t, double, bool)>();
  return op.call(x, weight, bias, groups, eps, silu);
}

at::Tensor geglu(const at::Tensor& x) {
  TORCH_CHECK(x.dim() > 0 && x.size(-1) % 2 == 0 && x.is_contiguous(),
              "geglu: x must be contiguous and even in its last dimension, got ", x.sizes());
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("reel::geglu", "")
                             .typed<at::Tensor(const at::Tensor&)>();
  return op.call(x);
}

namespace {

// On devices without kernels of their own, the same from ATen's operators.
at::Tensor group_norm_composed(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                               int64_t groups, double eps, bool silu) {
  at::Tensor y =
      at::group_norm(x.permute({0, 3, 1, 2}), groups, weight, bias, eps).permute({0, 2, 3, 1}).contiguous();
  return silu ? at::silu_(y) : y;
}

at::Tensor geglu_composed(const at::Tensor& x) {
  const int64_t inner = x.size(-1) / 2;
  return x.narrow(-1, 0, inner) * at::gelu(x.narrow(-1, inner, inner));
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CompositeExplicitAutograd, library) {
  library.impl("group_norm_channels_last", group_norm_composed);
  library.impl("geglu", geglu_composed);
}

// Without data, to plan the memory of a run: as much as the kernels take.
TORCH_LIBRARY_IMPL(reel, Meta, library) {
  library.impl("group_norm_channels_last", [](const at::Tensor& x, const at::Tensor&, const at::Tensor&,
                                              int64_t, double, bool) { return at::empty_like(x); });
  library.impl("geglu", [](const at::Tensor& x) {
    std::vector<int64_t> shape = x.sizes().vec();
    shape.back() /= 2;
    return at::empty(shape, x.options());
  });
}

}  // namespace reel::models
