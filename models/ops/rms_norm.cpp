// Schema and checks of reel::rms_norm; devices register themselves.
#include "models/ops/rms_norm.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

namespace reel::models {

TORCH_LIBRARY_FRAGMENT(reel, library) {
  library.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor");
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  TORCH_CHECK(x.dim() > 0 && x.is_contiguous(), "rms_norm: x must be a contiguous [..., C], got ", x.sizes());
  TORCH_CHECK(weight.numel() == x.size(-1) && weight.scalar_type() == x.scalar_type(),
              "rms_norm: the weight must hold ", x.size(-1), " channels in the type of x");
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("reel::rms_norm", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, double)>();
  return op.call(x, weight, eps);
}

namespace {

// On devices without a kernel of their own. ATen's gives each position a block of its own, so that a row does not
// depend on those beside it.
at::Tensor rms_norm_composed(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return at::rms_norm(x, {x.size(-1)}, std::nullopt, eps).mul_(weight);
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CompositeExplicitAutograd, library) { library.impl("rms_norm", rms_norm_composed); }

// Without data, to plan the memory of a run: as much as the kernels take.
TORCH_LIBRARY_IMPL(reel, Meta, library) {
  library.impl("rms_norm", [](const at::Tensor& x, const at::Tensor&, double) { return at::empty_like(x); });
}

}  // namespace reel::models
