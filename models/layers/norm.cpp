#include "models/layers/norm.h"

#include "models/ops/channel_norm.h"
#include "models/ops/layer_norm.h"
#include "models/ops/rms_norm.h"

namespace reel::models {

GroupNorm GroupNorm::load(const Weights& weights, int64_t channels, int64_t groups, double eps) {
  if (groups < 1 || channels % groups != 0) {
    throw std::runtime_error("[" + weights.path() + "norm] " + std::to_string(channels) +
                             " channels do not divide into " + std::to_string(groups) +
                             " groups; check norm_num_groups in config.json");
  }
  return {weights.place(weights.get("weight", {channels})), weights.place(weights.get("bias", {channels})),
          groups, eps};
}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const {
  return group_norm_channels_last(x.contiguous(), weight, bias, groups, eps, /*silu=*/false);
}

at::Tensor GroupNorm::silu(const at::Tensor& x) const {
  return group_norm_channels_last(x.contiguous(), weight, bias, groups, eps, /*silu=*/true);
}

LayerNorm LayerNorm::load(const Weights& weights, int64_t width, double eps, bool affine) {
  if (!affine) return {{}, {}, eps};
  return {weights.place(weights.get("weight", {width})), weights.place(weights.get("bias", {width})), eps};
}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return layer_norm(x.contiguous(), weight, bias, {}, eps);
}

at::Tensor LayerNorm::plus(const at::Tensor& x, const at::Tensor& positions) const {
  return layer_norm(x.contiguous(), weight, bias, positions, eps);
}

RmsNorm RmsNorm::load(const Weights& weights, int64_t width, double eps) {
  return {weights.place(weights.get("weight", {width})), eps};
}

at::Tensor RmsNorm::operator()(const at::Tensor& x) const { return rms_norm(x.contiguous(), weight, eps); }

}  // namespace reel::models
