#include "pipeline/evaluation/scoring/shape.h"

#include <cmath>

namespace reel::world {
namespace {

constexpr float kCovered = 0.05F;            // alpha from which a pixel belongs to the sprite
constexpr double kGone = 1 / kLostContrast;  // nothing of the contrast is left

double squared_distance(const float* a, const float* b) {
  double sum = 0;
  for (int c = 0; c < 3; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

}  // namespace

double shape_loss(const SpriteBank& bank, int sprite, const Pose& pose, const Target& target, double noise) {
  Raster drawn = *target.under;
  std::vector<float> alpha;
  composite(bank, sprite, pose, drawn, &alpha);
  const double noisy = 3 * noise * noise;  // of one pixel
  double error = 0, contrast = 0, area = 0;
  for (int j = 0; j < drawn.side; ++j) {
    for (int i = 0; i < drawn.side; ++i) {
      const size_t place = static_cast<size_t>(j) * drawn.side + i;
      const double weight = target.weight ? (*target.weight)[place] : 1.0;
      const double missed = squared_distance(target.seen->at(i, j), drawn.at(i, j));
      contrast += weight * squared_distance(drawn.at(i, j), target.under->at(i, j));
      area += weight * alpha[place];
      if (alpha[place] > kCovered)
        error += weight * (missed - noisy);
      else if (missed > 9 * noisy)  // three deviations in each channel, as in find_blob
        error += weight * missed;
    }
  }
  if (area <= 0 || contrast <= 0) return kGone;
  error = std::max(error, 0.0);
  return std::max(std::sqrt(error / (3 * area)) / kLostError, error / contrast / kLostContrast);
}

Shape shape_of(const SpriteBank& bank, int sprite, const View& view, const std::vector<Sighting>& track) {
  std::vector<double> losses;
  size_t kept = 0;
  for (size_t f = 0; f < track.size(); ++f) {
    const bool seen = track[f].seen;
    losses.push_back(seen ? shape_loss(bank, sprite, track[f].pose, view.target(f), view.noise) : kGone);
    kept += losses.back() <= 1;
  }
  if (losses.empty()) return {};
  std::sort(losses.begin(), losses.end());
  const double count = static_cast<double>(losses.size());
  const auto last = static_cast<size_t>(std::ceil(kLeastKept * count)) - 1;
  return {static_cast<double>(kept) / count, losses[last]};
}

void hide(const SpriteBank& bank, int sprite, const std::vector<Sighting>& track, View& view) {
  for (size_t f = 0; f < track.size(); ++f) {
    if (!track[f].seen) continue;
    Raster picture = view.under[f];
    std::vector<float> alpha;
    composite(bank, sprite, track[f].pose, picture, &alpha);
    if (view.weight.empty()) view.weight.assign(view.frames(), std::vector<float>(alpha.size(), 1.0F));
    for (size_t k = 0; k < alpha.size(); ++k) {
      if (alpha[k] > kCovered) view.weight[f][k] = 0;
    }
  }
}

}  // namespace reel::world
