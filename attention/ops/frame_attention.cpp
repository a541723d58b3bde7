// Schema and checks of reel::frame_attention; devices register themselves.
#include "attention/ops/frame_attention.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/library.h>

namespace reel::attention {

TORCH_LIBRARY_FRAGMENT(reel, library) {
  library.def("frame_attention(Tensor q, Tensor k, Tensor v, float scale) -> Tensor");
}

at::Tensor frame_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  TORCH_CHECK(q.dim() == 5 && k.dim() == 5 && v.sizes() == k.sizes(),
              "frame_attention: q, k, v must be [R, G, heads, F, d], got ", q.sizes(), ", ", k.sizes(), ", ",
              v.sizes());
  TORCH_CHECK(q.sizes().slice(0, 3) == k.sizes().slice(0, 3) && q.size(4) == k.size(4), "frame_attention: q ",
              q.sizes(), " and k ", k.sizes(), " do not match");
  TORCH_CHECK(q.size(3) <= kMaxShortSequence && k.size(3) <= kMaxShortSequence && q.size(4) <= kMaxShortWidth,
              "frame_attention: at most 128 frames and heads 512 wide, got ", q.sizes());
  TORCH_CHECK(q.stride(4) == 1 && k.stride(4) == 1 && v.stride(4) == 1,
              "frame_attention: heads must be contiguous");
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("reel::frame_attention", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, double)>();
  return op.call(q, k, v, scale);
}

at::Tensor frame_attention_composed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    double scale) {
  const auto fold = [](const at::Tensor& t) { return t.flatten(0, 1); };
  const at::Tensor out =
      at::scaled_dot_product_attention(fold(q), fold(k), fold(v), std::nullopt, 0.0, false, scale);
  const at::Tensor frames_first = out.unflatten(0, {q.size(0), q.size(1)}).permute({0, 3, 1, 2, 4});
  return frames_first.contiguous().permute({0, 2, 3, 1, 4});
}

TORCH_LIBRARY_IMPL(reel, CompositeExplicitAutograd, library) {
  library.impl("frame_attention", frame_attention_composed);
}

}  // namespace reel::attention
