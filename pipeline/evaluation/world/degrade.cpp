#include "pipeline/evaluation/world/degrade.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <cmath>
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
      {"all", {.blur_side = 48, .noise = 0.05, .colour = 0.05, .ghost = 0.3}},
      {"melt", {.melt = 0.12}},
      {"smear", {.blur_side = 8}},
      {"double", {.twin = 0.15}}};
  return named;
}

/// Moves every pixel by a smooth random field, the same one for all frames, that grows to `reach` frame widths
/// until the last frame.
at::Tensor melted(const at::Tensor& video, double reach, Dice& dice) {
  constexpr int kKnots = 9;  // a side: bends of an eighth of the frame
  at::Tensor knots = at::empty({1, 2, kKnots, kKnots});
  float* values = knots.mutable_data_ptr<float>();
  for (int64_t i = 0; i < knots.numel(); ++i) values[i] = static_cast<float>(dice.in({-1, 1}));
  // [H, W, 2], in the coordinates of grid_sampler: the frame is 2 wide.
  const at::Tensor bend =
      2 * reach *
      at::upsample_bicubic2d(knots, {video.size(2), video.size(3)}, /*align_corners=*/true)
          .squeeze(0)
          .permute({1, 2, 0});
  const at::Tensor straight =
      at::affine_grid_generator(at::eye(2, 3).unsqueeze(0), {1, 3, video.size(2), video.size(3)}, false);
  std::vector<at::Tensor> frames;
  for (int64_t f = 0; f < video.size(0); ++f) {
    const double grown =
        static_cast<double>(f) / static_cast<double>(std::max<int64_t>(video.size(0) - 1, 1));
    frames.push_back(at::grid_sampler_2d(video.narrow(0, f, 1), straight + grown * bend, /*bilinear*/ 0,
                                         /*border*/ 1, /*align_corners=*/false));
  }
  return at::cat(frames);
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
  if (degradation.melt > 0) result = melted(result, degradation.melt, dice);
  if (degradation.twin > 0) {
    const auto shift =
        static_cast<int64_t>(std::llround(degradation.twin * static_cast<double>(video.size(3))));
    result = 0.5 * (at::roll(result, {shift}, {3}) + at::roll(result, {-shift}, {3}));
  }
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
