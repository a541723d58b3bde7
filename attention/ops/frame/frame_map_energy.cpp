// Schemas and checks of reel::frame_map_energy and reel::energy_gain; devices register themselves.
#include "attention/ops/frame/frame_map_energy.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include "attention/ops/frame/frame_attention.h"

namespace reel::attention {
namespace {

std::tuple<at::Tensor, at::Tensor> frame_map_energy_by_aten(const at::Tensor& q, const at::Tensor& k,
                                                            double scale, const FrameMapEdit::Packed& edit,
                                                            double alpha, bool keep_maps) {
  const FrameMapEnergy energy =
      frame_map_energy_composed(q, k, scale, FrameMapEdit::unpack(edit, alpha), keep_maps);
  return {at::stack({energy.before, energy.guided, energy.high}),
          keep_maps ? energy.maps : at::empty({0}, q.options())};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(reel, library) {
  library.def(
      "frame_map_energy(Tensor q, Tensor k, float scale, Tensor?[] edit, float alpha, bool keep_maps) -> "
      "(Tensor, Tensor)");
  library.def("energy_gain(Tensor before, Tensor guided, Tensor high, float least) -> Tensor");
}

FrameMapEnergy frame_map_energy(const at::Tensor& q, const at::Tensor& k, double scale,
                                const FrameMapEdit& edit, bool keep_maps) {
  TORCH_CHECK(q.dim() == 5 && k.sizes() == q.sizes() && q.numel() > 0,
              "frame_map_energy: q and k must be [R, G, heads, F, d], got ", q.sizes(), " and ", k.sizes());
  TORCH_CHECK(k.size(3) <= kMostKeys && q.size(4) <= kWidestHead,
              "frame_map_energy: at most 256 frames and heads 512 wide, got ", k.sizes());
  TORCH_CHECK(q.stride(4) == 1 && k.stride(4) == 1, "frame_map_energy: heads must be contiguous");
  edit.check("frame_map_energy", q, k);
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("reel::frame_map_energy", "")
          .typed<std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&, double,
                                                    const FrameMapEdit::Packed&, double, bool)>();
  const auto [sums, maps] = op.call(q, k, scale, edit.pack(), edit.alpha, keep_maps);
  return {sums[0], sums[1], sums[2], keep_maps ? maps : at::Tensor()};
}

FrameMapEnergy frame_map_energy_composed(const at::Tensor& q, const at::Tensor& k, double scale,
                                         const FrameMapEdit& edit, bool keep_maps) {
  const at::Tensor maps = frame_maps(q, k, scale, edit), guided = guided_maps(maps, edit);
  return {map_energy(maps), map_energy(guided), map_energy(high_frequencies(guided, edit)),
          keep_maps ? maps : at::Tensor()};
}

at::Tensor energy_gain(const at::Tensor& before, const at::Tensor& guided, const at::Tensor& high,
                       double least) {
  for (const at::Tensor* t : {&before, &guided, &high}) {
    TORCH_CHECK(t->dim() == 1 && t->sizes() == before.sizes() && t->scalar_type() == at::kDouble,
                "energy_gain: energies must be [R] f64, got ", t->sizes(), " ", t->scalar_type());
  }
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("reel::energy_gain", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, double)>();
  return op.call(before, guided, high, least);
}

at::Tensor energy_gain_composed(const at::Tensor& before, const at::Tensor& guided, const at::Tensor& high,
                                double least) {
  const at::Tensor low = guided - high;
  const at::Tensor gain = ((before - low).clamp_min(0) / high.clamp_min(1e-30)).sqrt().clamp_min(least);
  return at::where(high < 1e-8, 1.0, gain).to(at::kFloat);
}

TORCH_LIBRARY_IMPL(reel, CompositeExplicitAutograd, library) {
  library.impl("frame_map_energy", frame_map_energy_by_aten);
  library.impl("energy_gain", energy_gain_composed);
}

}  // namespace reel::attention
