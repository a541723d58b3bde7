#include "pipeline/evaluation/world/degrade.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <map>
#include <stdexcept>

#include "attention/plugin/spec.h"

namespace reel::world {
namespace {

const std::vector<std::pair<std::string, Degradation>>& all() {
  static const std::vector<std::pair<std::string, Degradation>> named = {
      {"none", {}},
      {"blur", {.blur_side = 48}},
      {"noise", {.noise = 0.05}},
      {"colour", {.colour = 0.05}},
      {"ghost", {.ghost = 0.3}},
      {"all", {.blur_side = 48, .noise = 0.05, .colour = 0.05, .ghost = 0.3}}};
  return named;
}

}  // namespace

std::vector<std::string> degradation_names() {
  std::vector<std::string> names;
  for (const auto& [name, degradation] : all()) names.push_back(name);
  return names;
}

Degradation degradation(const std::string& name) {
  for (const auto& [known, degradation] : all()) {
    if (known == name) return degradation;
  }
  const std::string near = nearest_name(name, degradation_names());
  throw std::invalid_argument(
      c10::str("[degrade] '", name, "' is not known; ",
               near.empty() ? "use blur, for example" : "did you mean '" + near + "'?"));
}

at::Tensor degrade(const at::Tensor& video, const Degradation& degradation, Dice& dice) {
  at::Tensor result = video;
  if (degradation.ghost > 0 && video.size(0) > 1) {
    const int64_t lag = std::min<int64_t>(2, video.size(0) - 1), rest = video.size(0) - lag;
    result = at::cat({video.narrow(0, 0, lag), (1 - degradation.ghost) * video.narrow(0, lag, rest) +
                                                   degradation.ghost * video.narrow(0, 0, rest)});
  }
  if (degradation.blur_side > 0) {
    const int64_t side = degradation.blur_side;
    result = at::_upsample_bilinear2d_aa(result, {side, side}, /*align_corners=*/false);
    result = at::upsample_bilinear2d(result, {video.size(2), video.size(3)}, /*align_corners=*/false);
  }
  if (degradation.colour > 0) {
    const Interval range{-degradation.colour, degradation.colour};
    const at::Tensor shift =
        at::tensor({dice.in(range), dice.in(range), dice.in(range)}, at::kFloat).view({1, 3, 1, 1});
    result = 0.5 + (result - 0.5) * (1 + 0.5 * dice.in(range)) + shift;
  }
  if (degradation.noise > 0) {
    at::Tensor noise = at::empty(result.sizes(), at::kFloat);
    float* values = noise.mutable_data_ptr<float>();
    for (int64_t i = 0; i < noise.numel(); ++i) values[i] = static_cast<float>(dice.normal());
    result = result + degradation.noise * noise;
  }
  return result.clamp(0, 1).contiguous();
}

}  // namespace reel::world
