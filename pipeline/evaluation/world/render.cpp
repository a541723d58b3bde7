#include "pipeline/evaluation/world/render.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <cmath>
#include <stdexcept>

namespace reel::world {
namespace {

at::Tensor column(const Colour& base, const Colour& added) {
  return at::tensor({base[0] + added[0], base[1] + added[1], base[2] + added[2]}, at::kDouble)
      .view({3, 1, 1});
}

/// Centres of the pixels in frame widths: `width` across, u [1, W]; down, v [H, 1].
at::Tensor centres(int64_t count) {
  return (at::arange(count, at::kDouble) + 0.5) / static_cast<double>(count);
}

/// One actor over all frames: premultiplied RGBA [F, 4, H, W].
at::Tensor draw(const World& world, const Actor& actor, const ActorTake& take, const RenderSize& size) {
  const at::Tensor u = centres(size.width).view({1, size.width});
  const at::Tensor v = centres(size.height).view({size.height, 1});
  std::vector<at::Tensor> grids;
  for (int64_t f = 0; f < size.num_frames; ++f) {
    const double time =
        size.num_frames > 1 ? static_cast<double>(f) / static_cast<double>(size.num_frames - 1) : 0.0;
    const Pose pose = pose_at(world, world.motions[actor.motion], take, time);
    const double c = std::cos(pose.angle) / pose.size, s = std::sin(pose.angle) / pose.size;
    // grid_sample's -1 and 1 are the outer edges of the cell, so (a, b) in [0, 1] becomes 2 a - 1, 2 b - 1.
    const at::Tensor a = 2 * (c * (u - pose.x) + s * (v - pose.y));
    const at::Tensor b = 2 * (c * (v - pose.y) - s * (u - pose.x));
    grids.push_back(at::stack({a, b}, -1));
  }
  const at::Tensor cells =
      world.sprites[actor.object].unsqueeze(0).to(at::kDouble).expand({size.num_frames, -1, -1, -1});
  constexpr int64_t kBilinear = 0, kZeros = 0;
  return at::grid_sampler_2d(cells, at::stack(grids), kBilinear, kZeros, /*align_corners=*/false);
}

void check(const World& world, const Scene& scene, const Take& take) {
  const auto inside = [](int index, size_t count) {
    return index >= 0 && static_cast<size_t>(index) < count;
  };
  bool known = inside(scene.background, world.backgrounds.size());
  for (const Actor& actor : scene.actors) {
    known = known && inside(actor.object, world.objects.size()) && inside(actor.motion, world.motions.size());
  }
  if (!known) throw std::invalid_argument("[render] the scene names something that this world does not have");
  if (scene.actors.size() > 2 || scene.actors.size() != take.actors.size()) {
    throw std::invalid_argument(c10::str("[render] expected at most two actors with one take each, got ",
                                         scene.actors.size(), " actors and ", take.actors.size(), " takes"));
  }
}

}  // namespace

at::Tensor render_background(const World& world, const Scene& scene, const Take& take, int64_t height,
                             int64_t width) {
  const Background& background = world.backgrounds.at(scene.background);
  const at::Tensor u = centres(width).view({1, 1, width}), v = centres(height).view({1, height, 1});
  const at::Tensor w = (v / take.horizon).clamp(0, 1);
  at::Tensor colour = column(background.top, take.top) * (1 - w) + column(background.bottom, take.bottom) * w;
  if (background.ground) {
    const at::Tensor below = v - take.horizon;
    const at::Tensor k = (below * world.horizon_sharpness + 0.5).clamp(0, 1);
    const at::Tensor shade = 1 - world.ground_shade * (1 - (below / (1 - take.horizon)).clamp(0, 1));
    colour = colour * (1 - k) + column(*background.ground, take.ground) * shade * k;
  }
  colour = colour.expand({3, height, width}).contiguous();
  for (const Star& star : background.stars) {
    const at::Tensor distance = (u - star.u).square() + (v - star.v).square();
    colour = colour + star.brightness * (distance / (-2 * world.star_sigma * world.star_sigma)).exp();
  }
  return colour.clamp(0, 1).to(at::kFloat);
}

at::Tensor render(const World& world, const Scene& scene, const Take& take, RenderSize size) {
  check(world, scene, take);
  if (size.width == 0) size.width = world.width;
  if (size.height == 0) size.height = world.height;
  if (size.num_frames == 0) size.num_frames = world.num_frames;
  at::Tensor video = render_background(world, scene, take, size.height, size.width)
                         .to(at::kDouble)
                         .unsqueeze(0)
                         .expand({size.num_frames, -1, -1, -1});
  for (size_t k = scene.actors.size(); k-- > 0;) {  // the first is drawn last, over the second
    const at::Tensor sprite = draw(world, scene.actors[k], take.actors[k], size);
    video = video * (1 - sprite.narrow(1, 3, 1)) + sprite.narrow(1, 0, 3);
  }
  return video.to(at::kFloat).contiguous();
}

media::Frames to_frames(const World& world, const at::Tensor& video) {
  const at::Tensor pixels =
      video.clamp(0, 1).mul(255).round().to(at::kByte).permute({0, 2, 3, 1}).contiguous();
  return {pixels, world.fps};
}

}  // namespace reel::world
