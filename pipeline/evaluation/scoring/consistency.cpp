#include "pipeline/evaluation/scoring/consistency.h"

#include <cmath>
#include <numeric>
#include <xtensor/xadapt.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

namespace reel::world {
namespace {

constexpr int kGrid = 20;            // samples a side of the cell
constexpr double kDeviation = 0.12;  // of colours, at which two crops count as rather different
constexpr double kBackgroundError = 0.1;

/// Colours of the cell's grid in one frame; weight 0 where the frame ends or another object is in front.
struct Crop {
  xt::xtensor<float, 3> colour = xt::zeros<float>({kGrid, kGrid, 3});
  xt::xtensor<float, 3> weight = xt::zeros<float>({kGrid, kGrid, 1});
};

Crop crop_of(const Target& target, const Pose& pose, const xt::xtensor<float, 2>& opaque) {
  Crop crop;
  const int side = target.seen->side;
  const double c = std::cos(pose.angle) * pose.size, s = std::sin(pose.angle) * pose.size;
  for (int b = 0; b < kGrid; ++b) {
    for (int a = 0; a < kGrid; ++a) {
      const double p = (a + 0.5) / kGrid - 0.5, q = (b + 0.5) / kGrid - 0.5;
      const double x = (pose.x + c * p - s * q) * side - 0.5, y = (pose.y + s * p + c * q) * side - 0.5;
      const bool inside = x >= 0 && y >= 0 && x < side - 1 && y < side - 1;
      if (!inside || opaque(b, a) <= 0) continue;
      const int i = static_cast<int>(x), j = static_cast<int>(y);
      const float u = static_cast<float>(x - i), v = static_cast<float>(y - j);
      for (int k = 0; k < 3; ++k) {
        const float top = target.seen->at(i, j)[k] * (1 - u) + target.seen->at(i + 1, j)[k] * u;
        const float bottom = target.seen->at(i, j + 1)[k] * (1 - u) + target.seen->at(i + 1, j + 1)[k] * u;
        crop.colour(b, a, k) = top * (1 - v) + bottom * v;
      }
      crop.weight(b, a, 0) =
          opaque(b, a) * (target.weight ? (*target.weight)[static_cast<size_t>(j) * side + i] : 1);
    }
  }
  return crop;
}

/// `before` and the values, added in order of memory, as a loop adds: xt::sum over several axes rounds
/// otherwise.
double add_up(double before, const auto& values) {
  return std::accumulate(values.begin(), values.end(), before);
}

}  // namespace

double appearance_consistency(const SpriteBank& bank, int sprite, const View& view,
                              const std::vector<Sighting>& track) {
  std::vector<Crop> crops;
  // Opaque where the sprite is: its edges mix with a background that changes as it moves.
  const Texture& texture = bank.texture(sprite, 0.4, view.seen[0].side);
  xt::xtensor<float, 2> opaque = xt::zeros<float>({kGrid, kGrid});
  for (int b = 0; b < kGrid; ++b) {
    for (int a = 0; a < kGrid; ++a) {
      const auto texel = [&](int k) {
        return static_cast<float>((k + 0.5) / kGrid * texture.per_cell + texture.margin - 0.5);
      };
      Texel found{};
      const float alpha = sample(texture, texel(a), texel(b), found) ? found.value[3] : 0.0F;
      if (alpha > 0.5F) opaque(b, a) = alpha * alpha;
    }
  }
  for (size_t f = 0; f < track.size(); ++f) {
    if (track[f].seen) crops.push_back(crop_of(view.target(f), track[f].pose, opaque));
  }
  double sum = 0;
  size_t pairs = 0;
  for (size_t m = 0; m < crops.size(); ++m) {
    for (size_t n = 0; n < m; ++n) {
      const xt::xtensor<double, 3> weight = xt::minimum(crops[m].weight, crops[n].weight);
      const xt::xtensor<double, 3> difference = crops[m].colour - crops[n].colour;
      const double error = add_up(0, weight * difference * difference), total = add_up(0, 3 * weight);
      if (total <= 0) continue;
      sum += std::exp(-error / total / (2 * kDeviation * kDeviation));
      ++pairs;
    }
  }
  return pairs > 0 ? sum / static_cast<double>(pairs) : 0.0;
}

double background_flicker(const View& view) {
  const auto side = static_cast<size_t>(view.seen[0].side);
  const auto colours = [&](const Raster& frame) {
    return xt::view(xt::adapt(frame.data, std::array{side, side, size_t{4}}), xt::all(), xt::all(),
                    xt::range(0, 3));
  };
  /// Whether a pixel shows the background, [side, side, 1].
  const auto background = [&](size_t f) -> xt::xtensor<bool, 3> {
    const xt::xtensor<float, 3> error = xt::abs(colours(view.seen[f]) - colours(view.under[f]));
    return xt::amax(error, {2}, xt::keep_dims) <= kBackgroundError;
  };
  double sum = 0;
  size_t count = 0;
  for (size_t f = 1; f < view.frames(); ++f) {
    const xt::xtensor<bool, 3> both = background(f - 1) && background(f);
    const xt::xtensor<float, 3> change = xt::abs(colours(view.seen[f]) - colours(view.seen[f - 1]));
    sum = add_up(sum, change * both);
    count += 3 * xt::count_nonzero(both)();
  }
  return count > 0 ? 255 * sum / static_cast<double>(count) : 0.0;
}

}  // namespace reel::world
