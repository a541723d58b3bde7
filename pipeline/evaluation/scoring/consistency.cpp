#include "pipeline/evaluation/scoring/consistency.h"

#include <cmath>

namespace reel::world {
namespace {

constexpr int kGrid = 20;            // samples a side of the cell
constexpr double kDeviation = 0.12;  // of colours, at which two crops count as rather different
constexpr double kBackgroundError = 0.1;

/// Colours of the cell's grid in one frame; weight 0 where the frame ends or another object is in front.
struct Crop {
  std::vector<std::array<float, 3>> colour;
  std::vector<float> weight;
};

Crop crop_of(const Target& target, const Pose& pose, const std::vector<float>& opaque) {
  Crop crop;
  const int side = target.seen->side;
  const double c = std::cos(pose.angle) * pose.size, s = std::sin(pose.angle) * pose.size;
  for (int b = 0; b < kGrid; ++b) {
    for (int a = 0; a < kGrid; ++a) {
      const double p = (a + 0.5) / kGrid - 0.5, q = (b + 0.5) / kGrid - 0.5;
      const double x = (pose.x + c * p - s * q) * side - 0.5, y = (pose.y + s * p + c * q) * side - 0.5;
      std::array<float, 3> colour{};
      float weight = opaque[static_cast<size_t>(b) * kGrid + a];
      if (!(x >= 0 && y >= 0 && x < side - 1 && y < side - 1)) weight = 0;
      if (weight > 0) {
        const int i = static_cast<int>(x), j = static_cast<int>(y);
        const float u = static_cast<float>(x - i), v = static_cast<float>(y - j);
        for (int k = 0; k < 3; ++k) {
          const float top = target.seen->at(i, j)[k] * (1 - u) + target.seen->at(i + 1, j)[k] * u;
          const float bottom = target.seen->at(i, j + 1)[k] * (1 - u) + target.seen->at(i + 1, j + 1)[k] * u;
          colour[k] = top * (1 - v) + bottom * v;
        }
        if (target.weight) weight *= (*target.weight)[static_cast<size_t>(j) * side + i];
      }
      crop.colour.push_back(colour);
      crop.weight.push_back(weight);
    }
  }
  return crop;
}

}  // namespace

double appearance_consistency(const SpriteBank& bank, int sprite, const View& view,
                              const std::vector<Sighting>& track) {
  std::vector<Crop> crops;
  // Opaque where the sprite is: its edges mix with a background that changes as it moves.
  const Texture& texture = bank.texture(sprite, 0.4, view.seen[0].side);
  std::vector<float> opaque(static_cast<size_t>(kGrid) * kGrid);
  for (int b = 0; b < kGrid; ++b) {
    for (int a = 0; a < kGrid; ++a) {
      const auto texel = [&](int k) {
        return static_cast<float>((k + 0.5) / kGrid * texture.per_cell + texture.margin - 0.5);
      };
      Texel found{};
      const float alpha = sample(texture, texel(a), texel(b), found) ? found.value[3] : 0.0F;
      opaque[static_cast<size_t>(b) * kGrid + a] = alpha > 0.5F ? alpha * alpha : 0.0F;
    }
  }
  for (size_t f = 0; f < track.size(); ++f) {
    if (track[f].seen) crops.push_back(crop_of(view.target(f), track[f].pose, opaque));
  }
  double sum = 0;
  size_t pairs = 0;
  for (size_t m = 0; m < crops.size(); ++m) {
    for (size_t n = 0; n < m; ++n) {
      double error = 0, total = 0;
      for (size_t p = 0; p < opaque.size(); ++p) {
        const double weight = std::min(crops[m].weight[p], crops[n].weight[p]);
        if (weight == 0) continue;
        for (int k = 0; k < 3; ++k) {
          const double difference = crops[m].colour[p][k] - crops[n].colour[p][k];
          error += weight * difference * difference;
        }
        total += 3 * weight;
      }
      if (total <= 0) continue;
      sum += std::exp(-error / total / (2 * kDeviation * kDeviation));
      ++pairs;
    }
  }
  return pairs > 0 ? sum / static_cast<double>(pairs) : 0.0;
}

double background_flicker(const View& view) {
  const int side = view.seen[0].side;
  const auto is_background = [&](size_t f, int i, int j) {
    const float* seen = view.seen[f].at(i, j);
    const float* under = view.under[f].at(i, j);
    for (int c = 0; c < 3; ++c) {
      if (std::abs(seen[c] - under[c]) > kBackgroundError) return false;
    }
    return true;
  };
  double sum = 0;
  size_t count = 0;
  for (size_t f = 1; f < view.frames(); ++f) {
    for (int j = 0; j < side; ++j) {
      for (int i = 0; i < side; ++i) {
        if (!is_background(f - 1, i, j) || !is_background(f, i, j)) continue;
        for (int c = 0; c < 3; ++c) sum += std::abs(view.seen[f].at(i, j)[c] - view.seen[f - 1].at(i, j)[c]);
        count += 3;
      }
    }
  }
  return count > 0 ? 255 * sum / static_cast<double>(count) : 0.0;
}

}  // namespace reel::world
