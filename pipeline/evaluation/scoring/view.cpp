#include "pipeline/evaluation/scoring/view.h"

#include <cmath>
#include <limits>

namespace reel::world {
namespace {

// Root of the squared difference (sum of channels) at which a pixel counts half as standing out.
constexpr double kContrast = 0.1;
// The smallest area that counts as an object, as a fraction of the frame.
constexpr double kLeastArea = 0.006;

}  // namespace

View halve(const View& view) {
  View half;
  half.noise = view.noise / 2;
  for (const Raster& frame : view.seen) half.seen.push_back(halve(frame));
  for (const Raster& frame : view.under) half.under.push_back(halve(frame));
  for (size_t f = 0; f < view.weight.size(); ++f) {
    const int side = half.seen[f].side;
    std::vector<float> weight(static_cast<size_t>(side) * side);
    for (int j = 0; j < side; ++j) {
      for (int i = 0; i < side; ++i) {
        const float* corner = view.weight[f].data() + static_cast<size_t>(2 * j) * 2 * side + 2 * i;
        weight[static_cast<size_t>(j) * side + i] =
            0.25F * (corner[0] + corner[1] + corner[2 * side] + corner[2 * side + 1]);
      }
    }
    half.weight.push_back(std::move(weight));
  }
  return half;
}

Blob find_blob(const Target& target, double noise, double reach) {
  const int side = target.seen->side;
  const double floor = 3 * 9 * noise * noise;  // three deviations in each channel
  std::vector<float> mask(static_cast<size_t>(side) * side);
  Blob blob;
  for (int j = 0; j < side; ++j) {
    for (int i = 0; i < side; ++i) {
      const float* seen = target.seen->at(i, j);
      const float* under = target.under->at(i, j);
      double squared = 0;
      for (int c = 0; c < 3; ++c) squared += (seen[c] - under[c]) * (seen[c] - under[c]);
      const size_t place = static_cast<size_t>(j) * side + i;
      const double weight = target.weight ? (*target.weight)[place] : 1.0;
      blob.energy += weight * std::max(squared - 3 * noise * noise, 0.0);
      if (squared > floor)
        mask[place] = static_cast<float>(weight * squared / (squared + kContrast * kContrast));
    }
  }
  // First everything, then three times what lies around the centre found before.
  for (int round = 0; round < 4; ++round) {
    double sum = 0, x = 0, y = 0;
    for (int j = 0; j < side; ++j) {
      for (int i = 0; i < side; ++i) {
        double weight = mask[static_cast<size_t>(j) * side + i];
        if (weight == 0) continue;
        const double u = (i + 0.5) / side, v = (j + 0.5) / side;
        if (round > 0)
          weight *=
              std::exp(-((u - blob.x) * (u - blob.x) + (v - blob.y) * (v - blob.y)) / (2 * reach * reach));
        sum += weight;
        x += weight * u;
        y += weight * v;
      }
    }
    if (sum <= 0) return blob;
    blob.x = x / sum;
    blob.y = y / sum;
    // The window hides part of a large object: area from the mask within two deviations.
    blob.area = 0;
    for (int j = 0; j < side; ++j) {
      for (int i = 0; i < side; ++i) {
        if (std::hypot((i + 0.5) / side - blob.x, (j + 0.5) / side - blob.y) < 2 * reach) {
          blob.area += mask[static_cast<size_t>(j) * side + i] / (static_cast<double>(side) * side);
        }
      }
    }
  }
  blob.present = blob.area >= kLeastArea;
  return blob;
}

Pose start_pose(const Outline& outline, const Blob& blob, double size, double angle) {
  const double c = std::cos(angle), s = std::sin(angle);
  return {.x = std::clamp(blob.x - size * (c * outline.x - s * outline.y), 0.0, 1.0),
          .y = std::clamp(blob.y - size * (s * outline.x + c * outline.y), 0.0, 1.0),
          .size = size,
          .angle = angle};
}

double start_size(const Outline& outline, const Blob& blob) {
  return std::clamp(std::sqrt(blob.area / outline.area), 0.12, 0.75);
}

Placed place(const SpriteBank& bank, int sprite, const Blob& blob, const Target& target, double angle,
             int iterations) {
  Placed best{{}, std::numeric_limits<double>::infinity()};
  const double own = start_size(bank.outline(sprite), blob);
  for (const double zoom : {0.8, 1.0, 1.25}) {
    const Pose pose = start_pose(bank.outline(sprite), blob, own * zoom, angle);
    const double reached = gain(bank, sprite, pose, target).softened();
    if (reached < best.gain) best = {pose, reached};
  }
  best.gain = refine(bank, sprite, best.pose, target, {.iterations = iterations}).softened();
  return best;
}

}  // namespace reel::world
