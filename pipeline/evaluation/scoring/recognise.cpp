#include "pipeline/evaluation/scoring/recognise.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace reel::world {
namespace {

// Angles that the search starts from.
constexpr int kStartAngles = 12;
// Sprites that the coarse search hands on to the fine one, upright and turned.
constexpr size_t kCandidates = 8;
// A turned sprite must explain this much more than an upright one: any shape fits a little better with one
// more freedom, and eight of nine motions are upright.
constexpr double kTurnedHandicap = 0.06;

/// Best over all angles, refined with the angle free.
Placed place_turned(const SpriteBank& bank, int sprite, const Blob& blob, const Target& target,
                    int iterations) {
  std::array<Placed, kStartAngles> starts;
  const double size = start_size(bank.outline(sprite), blob);
  for (int k = 0; k < kStartAngles; ++k) {
    starts[k].pose = start_pose(bank.outline(sprite), blob, size, 2 * std::numbers::pi * k / kStartAngles);
    starts[k].gain = gain(bank, sprite, starts[k].pose, target).softened();
  }
  std::partial_sort(starts.begin(), starts.begin() + 2, starts.end(),
                    [](const Placed& a, const Placed& b) { return a.gain < b.gain; });
  for (int k = 0; k < 2; ++k) {
    starts[k].gain =
        refine(bank, sprite, starts[k].pose, target, {.iterations = iterations, .free_angle = true})
            .softened();
  }
  return starts[0].gain < starts[1].gain ? starts[0] : starts[1];
}

std::vector<size_t> order_by(const std::vector<double>& gains) {
  std::vector<size_t> order(gains.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return gains[a] < gains[b]; });
  return order;
}

}  // namespace

Recognition recognise(const SpriteBank& bank, const View& fine, const View& coarse, double reach) {
  Recognition result;
  const int sprites = bank.count();
  std::vector<size_t> frames;
  std::vector<Blob> blobs;
  double total_energy = 0;
  size_t tried = 0;
  for (size_t f = 0; f < coarse.frames(); f += 2) {
    ++tried;
    const Blob blob = find_blob(coarse.target(f), coarse.noise, reach);
    if (!blob.present) continue;
    frames.push_back(f);
    blobs.push_back(blob);
    total_energy += blob.energy;
  }
  if (2 * frames.size() < tried || total_energy <= 0) return result;

  // Coarse: every sprite, upright and turned.
  std::vector<double> upright(sprites), turned(sprites);
  std::vector<std::vector<Placed>> upright_at(sprites), turned_at(sprites);
  for (int n = 0; n < sprites; ++n) {
    for (size_t k = 0; k < frames.size(); ++k) {
      const Target target = coarse.target(frames[k]);
      upright_at[n].push_back(place(bank, n, blobs[k], target, 0, 4));
      Placed free = place_turned(bank, n, blobs[k], target, 3);
      if (upright_at[n].back().gain < free.gain) free = upright_at[n].back();
      turned_at[n].push_back(free);
      upright[n] += upright_at[n].back().gain;
      turned[n] += free.gain;
    }
  }
  const double allowance = kTurnedHandicap * total_energy;
  result.evidence.resize(sprites);
  for (int n = 0; n < sprites; ++n) {
    result.evidence[n] = -std::min(upright[n], turned[n] + allowance) / total_energy;
  }

  // Fine: the best of both lists.
  double fine_energy = 0;
  for (const size_t f : frames) fine_energy += find_blob(fine.target(f), fine.noise, reach).energy;
  std::vector<double> final(sprites, std::numeric_limits<double>::infinity());
  const auto refine_all = [&](const std::vector<size_t>& order,
                              const std::vector<std::vector<Placed>>& starts, bool free_angle,
                              double handicap) {
    for (size_t c = 0; c < std::min(kCandidates, order.size()); ++c) {
      const int n = static_cast<int>(order[c]);
      double sum = handicap * fine_energy;
      for (size_t k = 0; k < frames.size(); ++k) {
        Pose pose = starts[n][k].pose;
        sum += refine(bank, n, pose, fine.target(frames[k]), {.iterations = 4, .free_angle = free_angle})
                   .softened();
      }
      final[n] = std::min(final[n], sum);
    }
  };
  refine_all(order_by(upright), upright_at, false, 0);
  refine_all(order_by(turned), turned_at, true, kTurnedHandicap);
  const auto best = std::min_element(final.begin(), final.end());
  result.sprite = static_cast<int>(best - final.begin());
  for (int n = 0; n < sprites; ++n) {
    if (std::isfinite(final[n])) result.evidence[n] = -final[n] / fine_energy;
  }
  result.explained = result.evidence[result.sprite];
  return result;
}

}  // namespace reel::world
