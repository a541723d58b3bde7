#include "pipeline/evaluation/scoring/track.h"

#include <cmath>
#include <numbers>
#include <xtensor/xadapt.hpp>
#include <xtensor/xsort.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

namespace reel::world {
namespace {

constexpr int kPathAngles = 24;

/// Steps of a turn by a number of steps, the short way round.
auto short_way(const auto& steps) { return xt::minimum(steps, kPathAngles - steps); }

/// Angle index per frame with the least sum of costs [F, angles] and of squared turns between frames (in
/// units of `turn_cost`).
std::vector<size_t> viterbi(const xt::xtensor<double, 2>& costs, double turn_cost) {
  const xt::xtensor<int, 1> angles = xt::arange(kPathAngles);
  const xt::xtensor<int, 2> apart = xt::abs(xt::view(angles, xt::all(), xt::newaxis()) - angles);
  const xt::xtensor<double, 2> turns = turn_cost * xt::square(short_way(apart));  // [to, from]
  std::vector<xt::xtensor<size_t, 1>> from(costs.shape(0));
  xt::xtensor<double, 1> total = xt::row(costs, 0);
  for (size_t f = 1; f < from.size(); ++f) {
    const xt::xtensor<double, 2> reached = total + turns;
    from[f] = xt::argmin(reached, 1);
    total = xt::amin(reached, {1}) + xt::row(costs, static_cast<std::ptrdiff_t>(f));
  }
  std::vector<size_t> path(from.size());
  path.back() = xt::argmin(total)();
  for (size_t f = from.size() - 1; f > 0; --f) path[f - 1] = from[f](path[f]);
  return path;
}

/// The angle that differs from `angle` by whole turns and lies nearest to `before`.
double unwrap(double angle, double before) {
  return angle + 2 * std::numbers::pi * std::round((before - angle) / (2 * std::numbers::pi));
}

/// Tries in each frame what its neighbours suggest, and keeps what explains more: where a blob is more than
/// the object (a ghost of another frame, a second object), its centre can be too far off for the search.
void mend(const SpriteBank& bank, int sprite, const View& fine, const View& coarse,
          const std::vector<size_t>& frames, std::vector<Placed>& placed) {
  const int count = static_cast<int>(frames.size());
  for (const int step : {1, -1}) {
    for (int k = step > 0 ? 1 : count - 2; k >= 0 && k < count; k += step) {
      const Pose near = placed[k - step].pose;
      std::vector<Pose> guesses = {near};
      if (k - 2 * step >= 0 && k - 2 * step < count) {
        const Pose& far = placed[k - 2 * step].pose;
        guesses.push_back({2 * near.x - far.x, 2 * near.y - far.y, near.size * near.size / far.size,
                           near.angle + std::remainder(near.angle - far.angle, 2 * std::numbers::pi)});
      }
      for (Pose& pose : guesses) {
        refine(bank, sprite, pose, coarse.target(frames[k]), {.iterations = 4, .free_angle = true});
        const double reached =
            refine(bank, sprite, pose, fine.target(frames[k]), {.iterations = 4, .free_angle = true})
                .softened();
        if (reached < placed[k].gain) placed[k] = {pose, reached};
      }
    }
  }
}

}  // namespace

std::vector<Sighting> track(const SpriteBank& bank, int sprite, const View& fine, const View& coarse,
                            double reach) {
  std::vector<Sighting> sightings(fine.frames());
  std::vector<size_t> frames;
  std::vector<double> gains;  // of each angle, frame by frame
  std::vector<std::vector<Pose>> poses;
  std::vector<double> energies;
  double least = 0;
  for (size_t f = 0; f < fine.frames(); ++f) {
    const Blob blob = find_blob(coarse.target(f), coarse.noise, reach);
    if (!blob.present) continue;
    frames.push_back(f);
    std::vector<Pose> row_poses;
    double best = 0;
    for (int k = 0; k < kPathAngles; ++k) {
      Placed placed = place(bank, sprite, blob, coarse.target(f), 2 * std::numbers::pi * k / kPathAngles, 3);
      // Free within its step: an exact angle of another fold of the object must not beat a rounded right one.
      gains.push_back(refine(bank, sprite, placed.pose, fine.target(f), {.iterations = 2, .free_angle = true})
                          .softened());
      row_poses.push_back(placed.pose);
      best = std::min(best, gains.back());
    }
    poses.push_back(std::move(row_poses));
    energies.push_back(find_blob(fine.target(f), fine.noise, reach).energy);
    least += energies.back() + best;
  }
  if (frames.empty()) return sightings;

  // What even the best angles leave unexplained tells how far costs can be trusted; neighbouring pixels err
  // alike, so one of about eight counts. A turn by one step a frame costs half a nat.
  const double pixels = 0.1 * fine.seen[0].side * fine.seen[0].side * 3 * static_cast<double>(frames.size());
  const double variance = std::max(least / pixels, 4e-4) * 8;
  xt::xtensor<double, 2> costs =
      xt::adapt(gains, std::array{frames.size(), size_t{kPathAngles}}) / (2 * variance);
  // Everything starts upright in this world: a first angle of k steps costs k^2 / 2 nats, 8 at most.
  xt::row(costs, 0) += xt::minimum(0.5 * xt::square(short_way(xt::arange(kPathAngles))), 8.0);
  const std::vector<size_t> path = viterbi(costs, 0.5);
  std::vector<Placed> placed(frames.size());
  for (size_t k = 0; k < frames.size(); ++k) {
    placed[k].pose = poses[k][path[k]];
    placed[k].gain =
        refine(bank, sprite, placed[k].pose, fine.target(frames[k]), {.iterations = 5, .free_angle = true})
            .softened();
  }
  mend(bank, sprite, fine, coarse, frames, placed);
  double before = 0;
  for (size_t k = 0; k < frames.size(); ++k) {
    placed[k].pose.angle = before = unwrap(placed[k].pose.angle, before);
    Sighting& sighting = sightings[frames[k]];
    sighting.pose = placed[k].pose;
    sighting.explained = -placed[k].gain / std::max(energies[k], 1e-9);
    sighting.seen = placed[k].gain < 0;
  }
  return sightings;
}

}  // namespace reel::world
