#include "attention/ops/frame/frame_map_edit.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace reel::attention {
namespace {

/// [F] -> the symmetric matrix [F, F] of table_|i-j|.
at::Tensor by_distance(const at::Tensor& table) {
  const at::Tensor frame = at::arange(table.size(0), table.options().dtype(at::kLong));
  return table.index_select(0, (frame.unsqueeze(1) - frame).abs().flatten())
      .view({table.size(0), table.size(0)});
}

}  // namespace

FrameMapEdit::Packed FrameMapEdit::pack() const {
  Packed tensors;
  if (!any() && !high.defined()) return tensors;
  for (const at::Tensor* t : {&band, &anchor, &places, &weights, &gain, &high})
    tensors.push_back(t->defined() ? std::optional(*t) : std::nullopt);
  return tensors;
}

FrameMapEdit FrameMapEdit::unpack(const Packed& tensors, double alpha) {
  FrameMapEdit edit;
  if (tensors.empty()) return edit;
  size_t i = 0;
  for (at::Tensor* t : {&edit.band, &edit.anchor, &edit.places, &edit.weights, &edit.gain, &edit.high})
    *t = std::optional<at::Tensor>(tensors.get(i++)).value_or(at::Tensor());
  edit.alpha = alpha;
  return edit;
}

void FrameMapEdit::check(const char* op, const at::Tensor& q, const at::Tensor& k) const {
  const int64_t rows = q.size(0), groups = q.size(1), heads = q.size(2), f = q.size(3);
  TORCH_CHECK(k.size(3) == f && k.size(1) == groups, op,
              ": an edit needs as many keys as queries in every sequence, got ", q.sizes(), " and ",
              k.sizes());
  for (const at::Tensor* table : {&band, &high}) {
    TORCH_CHECK(!table->defined() || (table->sizes() == at::IntArrayRef{f} && table->is_contiguous() &&
                                      table->scalar_type() == at::kFloat),
                op, ": band and high must be f32 [", f, "], got ", table->sizes());
  }
  TORCH_CHECK(!gain.defined() || (gain.sizes() == at::IntArrayRef{rows} && gain.is_contiguous() &&
                                  gain.scalar_type() == at::kFloat),
              op, ": gain must be f32 [", rows, "]");
  if (!anchor.defined()) return;
  TORCH_CHECK(anchor.dim() == 5 && anchor.size(0) == rows && anchor.size(2) == heads && anchor.size(3) == f &&
                  anchor.size(4) == f && anchor.stride(4) == 1 && anchor.stride(3) == f &&
                  (anchor.scalar_type() == at::kFloat || anchor.scalar_type() == at::kHalf),
              op, ": the anchor must be f32 or f16 [", rows, ", G', ", heads, ", ", f, ", ", f, "], got ",
              anchor.sizes());
  TORCH_CHECK(places.defined() && places.dim() == 2 && places.size(0) == groups && places.is_contiguous() &&
                  places.scalar_type() == at::kInt && weights.sizes() == places.sizes() &&
                  weights.is_contiguous() && weights.scalar_type() == at::kFloat,
              op, ": places must be i32 and weights f32 [", groups, ", n]");
}

at::Tensor frame_maps(const at::Tensor& q, const at::Tensor& k, double scale, const FrameMapEdit& edit) {
  at::Tensor logits = at::matmul(q.to(at::kFloat), k.to(at::kFloat).transpose(-1, -2)).mul_(scale);
  if (edit.band.defined()) logits.add_(logits.amax(-1, /*keepdim=*/true) * by_distance(edit.band));
  return at::softmax(logits, -1);
}

at::Tensor guided_maps(const at::Tensor& maps, const FrameMapEdit& edit) {
  if (!edit.anchor.defined()) return maps;
  at::Tensor mean = at::zeros_like(maps);
  for (int64_t n = 0; n < edit.places.size(1); ++n) {
    mean.add_(edit.anchor.index_select(1, edit.places.select(1, n)) *
              edit.weights.select(1, n).view({-1, 1, 1, 1}));
  }
  return at::lerp(maps, mean, edit.alpha);
}

at::Tensor high_frequencies(const at::Tensor& maps, const FrameMapEdit& edit) {
  if (!edit.high.defined()) return maps - maps.mean(-1, /*keepdim=*/true);
  return at::matmul(maps, by_distance(edit.high));
}

at::Tensor map_energy(const at::Tensor& maps) {
  return maps.square().sum({1, 2, 3, 4}, /*keepdim=*/false, at::kDouble) /
         double(maps.size(1) * maps.size(2) * maps.size(3));
}

}  // namespace reel::attention
