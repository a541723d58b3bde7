#include "pipeline/evaluation/still_scenes/still_render.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>
#include <stdexcept>

#include "pipeline/evaluation/world/render.h"

namespace reel::world {
namespace {

constexpr int kLevels = 3;  // of sprites: at full, half and quarter resolution

at::Tensor colour_column(const Colour& colour) {
  return at::tensor({colour[0], colour[1], colour[2]}, at::kDouble).view({3, 1, 1});
}

/// Centres of pixels in frame widths.
at::Tensor pixel_centres(int64_t count) {
  return (at::arange(count, at::kDouble) + 0.5) / static_cast<double>(count);
}

/// Premultiplied RGBA [4, H, W] of one sprite, from the level whose pixels are about as large as the picture's.
at::Tensor layer(const World& world, const StillSprite& sprite) {
  const Pose& pose = sprite.pose;
  const auto cell = static_cast<double>(world.cell());
  const double pixels = pose.size * static_cast<double>(world.width);
  const int level = std::clamp(static_cast<int>(std::floor(std::log2(cell / pixels))), 0, kLevels - 1);
  at::Tensor texture = world.sprites[sprite.object].to(at::kDouble).unsqueeze(0);
  if (level > 0) texture = at::avg_pool2d(texture, {int64_t{1} << level, int64_t{1} << level});

  const at::Tensor u = pixel_centres(world.width).view({1, world.width}) - pose.x;
  const at::Tensor v = pixel_centres(world.height).view({world.height, 1}) - pose.y;
  const double c = std::cos(pose.angle) / pose.size, s = std::sin(pose.angle) / pose.size;
  // grid_sample's -1 and 1 are the outer edges of the cell.
  const at::Tensor a = 2 * (c * u + s * v) * (sprite.mirrored ? -1.0 : 1.0), b = 2 * (c * v - s * u);
  constexpr int64_t kBilinear = 0, kZeros = 0;
  return at::grid_sampler_2d(texture, at::stack({a, b}, -1).unsqueeze(0), kBilinear, kZeros,
                             /*align_corners=*/false)[0] *
         sprite.opacity;
}

/// Gaussian smoothing along both axes; the edge pixels go on beyond the edge.
at::Tensor blurred(const at::Tensor& picture, const Murk& murk) {
  const int64_t r = murk.blur_radius;
  at::Tensor taps = at::arange(-r, r + 1, at::kDouble);
  taps = (taps.square() / (-2 * murk.blur_sigma * murk.blur_sigma)).exp();
  taps = taps / taps.sum();
  const at::Tensor wide = at::replication_pad2d(picture.unsqueeze(0), {r, r, r, r}).transpose(0, 1);
  const at::Tensor across = at::conv2d(wide, taps.view({1, 1, 1, -1}));
  return at::conv2d(across, taps.view({1, 1, -1, 1})).squeeze(1);
}

void check(const StillWorld& still, const StillScene& scene) {
  const World& world = still.world;
  const auto inside = [](int index, size_t count) {
    return index >= 0 && static_cast<size_t>(index) < count;
  };
  bool known = inside(scene.background, world.backgrounds.size());
  for (const StillSprite& sprite : scene.sprites) known = known && inside(sprite.object, still.objects());
  if (!known) throw std::invalid_argument("[still scene] names something that this world does not have");
}

}  // namespace

at::Tensor render_still(const StillWorld& still, const StillScene& scene) {
  check(still, scene);
  const World& world = still.world;
  const Take take{.horizon = scene.horizon,
                  .top = scene.top,
                  .bottom = scene.bottom,
                  .ground = scene.ground,
                  .actors = {}};
  at::Tensor picture =
      render_background(world, {{}, scene.background}, take, world.height, world.width).to(at::kDouble);
  for (const StillSprite& sprite : scene.sprites) {
    const at::Tensor rgba = layer(world, sprite);
    picture = picture * (1 - rgba.narrow(0, 3, 1)) + rgba.narrow(0, 0, 3);
  }
  const at::Tensor u = pixel_centres(world.width).view({1, -1}),
                   v = pixel_centres(world.height).view({-1, 1});
  for (const Block& block : scene.blocks) {
    const at::Tensor inside =
        (u - block.x).abs().lt(block.half_width) & (v - block.y).abs().lt(block.half_height);
    picture = at::where(inside, colour_column(block.colour), picture);
  }
  picture = at::lerp(picture, colour_column(still.murk.haze_colour).expand_as(picture), scene.haze);
  return at::lerp(picture, blurred(picture, still.murk), scene.blur).to(at::kFloat);
}

at::Tensor still_picture(const StillWorld& still, const StillScene& scene, Dice& dice) {
  const at::Tensor picture = render_still(still, scene);
  const at::Tensor noise = at::empty(picture.sizes(), at::kFloat);
  float* values = noise.mutable_data_ptr<float>();
  for (int64_t i = 0; i < noise.numel(); ++i) values[i] = static_cast<float>(dice.normal());
  return (picture + scene.noise * noise)
      .clamp(0, 1)
      .mul(255)
      .round()
      .to(at::kByte)
      .permute({1, 2, 0})
      .contiguous();
}

}  // namespace reel::world
