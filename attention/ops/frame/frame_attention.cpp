// Schema and checks of reel::frame_attention; devices register themselves.
#include "attention/ops/frame/frame_attention.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/library.h>

namespace reel::attention {
namespace {

at::Tensor frame_attention_by_aten(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                   double scale, const FrameMapEdit::Packed& edit, double alpha) {
  return frame_attention_composed(q, k, v, scale, FrameMapEdit::unpack(edit, alpha));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(reel, library) {
  library.def(
      "frame_attention(Tensor q, Tensor k, Tensor v, float scale, Tensor?[] edit, float alpha) -> Tensor");
}

at::Tensor frame_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                           const FrameMapEdit& edit) {
  TORCH_CHECK(q.dim() == 5 && k.dim() == 5 && v.sizes() == k.sizes(),
              "frame_attention: q, k, v must be [R, G, heads, F, d], got ", q.sizes(), ", ", k.sizes(), ", ",
              v.sizes());
  TORCH_CHECK(q.size(0) == k.size(0) && (k.size(1) == q.size(1) || k.size(1) == 1) &&
                  q.size(2) == k.size(2) && q.size(4) == k.size(4),
              "frame_attention: q ", q.sizes(), " and k ", k.sizes(), " do not match");
  TORCH_CHECK(k.size(3) <= kMostKeys && q.size(4) <= kWidestHead,
              "frame_attention: at most 256 keys and heads 512 wide, got ", k.sizes());
  TORCH_CHECK(q.stride(4) == 1 && k.stride(4) == 1 && v.stride(4) == 1,
              "frame_attention: heads must be contiguous");
  if (edit.any()) edit.check("frame_attention", q, k);
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("reel::frame_attention", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                               double, const FrameMapEdit::Packed&, double)>();
  return op.call(q, k, v, scale, edit.pack(), edit.alpha);
}

at::Tensor frame_attention_result(const at::Tensor& q) {
  const int64_t rows = q.size(0), groups = q.size(1), heads = q.size(2), f = q.size(3), d = q.size(4);
  // The outer of the two dimensions is the one with the larger stride.
  if (q.stride(3) >= q.stride(1))
    return at::empty({rows, f, groups, heads, d}, q.options()).permute({0, 2, 3, 1, 4});
  return at::empty({rows, groups, f, heads, d}, q.options()).permute({0, 1, 3, 2, 4});
}

at::Tensor frame_attention_composed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    double scale, const FrameMapEdit& edit) {
  at::Tensor result = frame_attention_result(q);
  if (edit.any()) {
    at::Tensor maps = guided_maps(frame_maps(q, k, scale, edit), edit);
    if (edit.gain.defined())
      maps = maps + high_frequencies(maps, edit) * (edit.gain - 1).view({-1, 1, 1, 1, 1});
    return result.copy_(at::matmul(maps, v.to(at::kFloat)));
  }
  const auto fold = [&](const at::Tensor& t) { return t.expand({-1, q.size(1), -1, -1, -1}).flatten(0, 1); };
  const at::Tensor out =
      at::scaled_dot_product_attention(fold(q), fold(k), fold(v), std::nullopt, 0.0, false, scale);
  return result.copy_(out.unflatten(0, {q.size(0), q.size(1)}));
}

TORCH_LIBRARY_IMPL(reel, CompositeExplicitAutograd, library) {
  library.impl("frame_attention", frame_attention_by_aten);
}

// Without data, to plan the memory of a run: as much as the kernels take.
TORCH_LIBRARY_IMPL(reel, Meta, library) {
  library.impl("frame_attention",
               [](const at::Tensor& q, const at::Tensor&, const at::Tensor&, double,
                  const FrameMapEdit::Packed&, double) { return frame_attention_result(q); });
}

}  // namespace reel::attention
