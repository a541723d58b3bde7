#include "pipeline/evaluation/world/raster.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>

namespace reel::world {
namespace {

// Footprints (picture pixels per cell) that have a texture; the nearest one in ratio is used.
constexpr std::array<double, 7> kPixelsPerCell = {5, 7, 10, 14, 20, 28, 40};
// A pixel averages over its own width (deviation 0.29 widths) and the bilinear texture lookup adds a little.
constexpr double kSmoothing = 0.35;

/// Gaussian smoothing of [N, 4, S, S] along one axis by a matrix product; zeros outside.
at::Tensor smoothing_matrix(int64_t side, double sigma) {
  const at::Tensor places = at::arange(side, at::kDouble);
  const at::Tensor distance = places.view({side, 1}) - places.view({1, side});
  const double total = sigma * std::sqrt(2 * M_PI);
  at::Tensor matrix = (distance.square() / (-2 * sigma * sigma)).exp() / total;
  return matrix.to(at::kFloat);
}

}  // namespace

Raster halve(const Raster& picture) {
  Raster half(picture.side / 2);
  for (int j = 0; j < half.side; ++j) {
    for (int i = 0; i < half.side; ++i) {
      for (int c = 0; c < 4; ++c) {
        half.at(i, j)[c] = 0.25F * (picture.at(2 * i, 2 * j)[c] + picture.at(2 * i + 1, 2 * j)[c] +
                                    picture.at(2 * i, 2 * j + 1)[c] + picture.at(2 * i + 1, 2 * j + 1)[c]);
      }
    }
  }
  return half;
}

std::vector<Raster> to_rasters(const at::Tensor& pixels, int side) {
  at::Tensor video = pixels.permute({0, 3, 1, 2}).to(at::kFloat).div(255);
  if (video.size(2) % side == 0 && video.size(3) % side == 0) {
    video = at::avg_pool2d(video, {video.size(2) / side, video.size(3) / side});
  } else {
    video = at::_upsample_bilinear2d_aa(video, {side, side}, /*align_corners=*/false);
  }
  video = at::constant_pad_nd(video.permute({0, 2, 3, 1}), {0, 1}).contiguous();
  std::vector<Raster> rasters;
  for (int64_t f = 0; f < video.size(0); ++f) {
    Raster raster(side);
    const float* begin = video.const_data_ptr<float>() + f * static_cast<int64_t>(raster.data.size());
    raster.data.assign(begin, begin + raster.data.size());
    rasters.push_back(std::move(raster));
  }
  return rasters;
}

SpriteBank::SpriteBank(const World& world) {
  const int64_t count = world.sprites.size(0), cell = world.cell();
  const at::Tensor alpha = world.sprites.select(1, 3).to(at::kDouble);
  const at::Tensor place = (at::arange(cell, at::kDouble) + 0.5) / static_cast<double>(cell) - 0.5;
  for (int64_t n = 0; n < count; ++n) {
    const double total = alpha[n].sum().item<double>();
    const double x = (alpha[n].sum(0) * place).sum().item<double>();
    const double y = (alpha[n].sum(1) * place).sum().item<double>();
    // An empty cell gets a small area, so that dividing by it stays harmless.
    outlines_.push_back({std::max(total / static_cast<double>(cell * cell), 1e-3), x / std::max(total, 1e-3),
                         y / std::max(total, 1e-3)});
  }
  for (const double pixels : kPixelsPerCell) {
    const int64_t per_cell = pixels > 14 ? 64 : 32, margin = per_cell / 8, side = per_cell + 2 * margin;
    at::Tensor cells = world.sprites;
    if (cell != per_cell)
      cells = at::_upsample_bilinear2d_aa(cells, {per_cell, per_cell}, /*align_corners=*/false);
    cells = at::constant_pad_nd(cells, {margin, margin, margin, margin});
    const at::Tensor smooth = smoothing_matrix(side, kSmoothing * static_cast<double>(per_cell) / pixels);
    cells = at::matmul(at::matmul(smooth, cells), smooth).permute({0, 2, 3, 1}).contiguous();
    // The far tails of the smoothing are below any noise; as exact zeros they cost no time.
    cells.masked_fill_(cells.narrow(3, 3, 1) < 2e-3, 0.0);
    std::vector<Texture> textures;
    for (int64_t n = 0; n < count; ++n) {
      const at::Tensor one = cells[n];
      textures.push_back({static_cast<int>(per_cell),
                          static_cast<int>(margin),
                          static_cast<int>(side),
                          {one.const_data_ptr<float>(), one.const_data_ptr<float>() + one.numel()}});
    }
    levels_.push_back(std::move(textures));
  }
}

const Texture& SpriteBank::texture(int sprite, double size, int side) const {
  const double pixels = size * side;
  size_t level = 0;
  while (level + 1 < kPixelsPerCell.size() &&
         pixels * pixels > kPixelsPerCell[level] * kPixelsPerCell[level + 1]) {
    ++level;
  }
  return levels_[level][sprite];
}

Window window_of(const Texture& texture, const Pose& pose, int side) {
  // Half the side of the box around the turned square, in pixels.
  const double half = 0.5 * pose.size * texture.side / texture.per_cell *
                      (std::abs(std::cos(pose.angle)) + std::abs(std::sin(pose.angle))) * side;
  const auto cut = [side](double place) {
    return static_cast<int>(std::clamp(place, 0.0, static_cast<double>(side)));
  };
  return {cut(std::floor(pose.x * side - half - 0.5)), cut(std::ceil(pose.x * side + half + 0.5)),
          cut(std::floor(pose.y * side - half - 0.5)), cut(std::ceil(pose.y * side + half + 0.5))};
}

void composite(const SpriteBank& bank, int sprite, const Pose& pose, Raster& picture,
               std::vector<float>* alpha) {
  const Texture& texture = bank.texture(sprite, pose.size, picture.side);
  const Window window = window_of(texture, pose, picture.side);
  const double c = std::cos(pose.angle) / pose.size, s = std::sin(pose.angle) / pose.size;
  if (alpha) alpha->assign(static_cast<size_t>(picture.side) * picture.side, 0.0F);
  for (int j = window.j0; j < window.j1; ++j) {
    for (int i = window.i0; i < window.i1; ++i) {
      const double u = (i + 0.5) / picture.side - pose.x, v = (j + 0.5) / picture.side - pose.y;
      const double a = c * u + s * v + 0.5, b = c * v - s * u + 0.5;
      Texel texel;
      if (!sample(texture, static_cast<float>(a * texture.per_cell + texture.margin - 0.5),
                  static_cast<float>(b * texture.per_cell + texture.margin - 0.5), texel)) {
        continue;
      }
      float* pixel = picture.at(i, j);
      for (int k = 0; k < 3; ++k) pixel[k] = pixel[k] * (1 - texel.value[3]) + texel.value[k];
      if (alpha) (*alpha)[static_cast<size_t>(j) * picture.side + i] = texel.value[3];
    }
  }
}

}  // namespace reel::world
