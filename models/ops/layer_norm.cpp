// Schema and checks of reel::layer_norm; devices register themselves.
#include "models/ops/layer_norm.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

namespace reel::models {

using MaybeTensor = std::optional<at::Tensor>;

TORCH_LIBRARY_FRAGMENT(reel, library) {
  library.def("layer_norm(Tensor x, Tensor? weight, Tensor? bias, Tensor? positions, float eps) -> Tensor");
}

at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const at::Tensor& positions, double eps) {
  TORCH_CHECK(x.dim() > 0 && x.is_contiguous(), "layer_norm: x must be a contiguous [..., C], got ",
              x.sizes());
  TORCH_CHECK(weight.defined() == bias.defined() &&
                  (!weight.defined() || (weight.numel() == x.size(-1) && bias.numel() == x.size(-1))),
              "layer_norm: weight and bias must both hold ", x.size(-1), " channels");
  TORCH_CHECK(!positions.defined() || (x.dim() == 4 && positions.dim() == 2 && positions.is_contiguous() &&
                                       positions.size(0) == x.size(1) && positions.size(1) == x.size(3)),
              "layer_norm: positions must be a contiguous [F, C] for x [R, F, P, C], got ", x.sizes());
  const auto maybe = [](const at::Tensor& t) { return t.defined() ? MaybeTensor(t) : std::nullopt; };
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("reel::layer_norm", "")
                             .typed<at::Tensor(const at::Tensor&, const MaybeTensor&, const MaybeTensor&,
                                               const MaybeTensor&, double)>();
  return op.call(x, maybe(weight), maybe(bias), maybe(positions), eps);
}

namespace {

// On devices without a kernel of their own.
at::Tensor layer_norm_composed(const at::Tensor& x, const MaybeTensor& weight, const MaybeTensor& bias,
                               const MaybeTensor& positions, double eps) {
  at::Tensor y = at::layer_norm(x, {x.size(-1)}, weight, bias, eps);
  return positions ? y.add_(positions->unsqueeze(1)) : y;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CompositeExplicitAutograd, library) {
  library.impl("layer_norm", layer_norm_composed);
}

// Without data, to plan the memory of a run: as much as the kernels take.
TORCH_LIBRARY_IMPL(reel, Meta, library) {
  library.impl("layer_norm", [](const at::Tensor& x, const MaybeTensor&, const MaybeTensor&,
                                const MaybeTensor&, double) { return at::empty_like(x); });
}

}  // namespace reel::models
