#include "pipeline/evaluation/world/motion.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

namespace reel::world {
namespace {

constexpr double kLeastExtent = 0.6, kMostExtent = 1.8;
// A mean square error above this is no motion of this world: a full linear motion has 1/12 around its middle,
// so this is what is left when a good half of a motion is not explained.
constexpr double kLargestError = 0.05;
// Square error at which a frame counts half: single frames that were tracked badly must not decide.
constexpr double kOutlier = 0.05;

using Point = xt::xtensor<double, 1>;   // x, y, log(size), angle
using Series = xt::xtensor<double, 2>;  // [F, 4]: a point for each frame

Series in_units(const std::vector<Pose>& poses, const Point& units) {
  Series series = Series::from_shape({poses.size(), 4});
  for (size_t f = 0; f < poses.size(); ++f) {
    const Pose& pose = poses[f];
    xt::row(series, static_cast<std::ptrdiff_t>(f)) =
        Point{pose.x, pose.y, std::log(pose.size), pose.angle} / units;
  }
  return series;
}

/// The path of a motion of full extent.
std::vector<Pose> path_of(const World& world, const Motion& motion, const Layout& layout,
                          const std::vector<double>& times) {
  const ActorTake take{.cx = 0,
                       .cy = 0,
                       .size = 1,
                       .travel_x = layout.travel_x.middle(),
                       .travel_y = layout.travel_y.middle(),
                       .hop = layout.hop.middle()};
  std::vector<Pose> path;
  for (const double time : times) path.push_back(pose_at(world, motion, take, time));
  return path;
}

/// One full motion of each kind: the largest extent that any motion of the world has in x, y, log(size),
/// angle.
Point units_of(const World& world, const Layout& layout) {
  Point units{1e-3, 1e-3, 1e-3, 1e-3};
  for (const Motion& motion : world.motions) {
    units[0] = std::max(units[0], std::abs(motion.dx) * layout.travel_x.middle());
    // Hops are smaller than travels, and both happen in y: the smaller one is the stricter unit.
    if (motion.dy != 0)
      units[1] =
          std::max(units[1], std::abs(motion.dy) * std::min(layout.travel_y.middle(), layout.hop.middle()));
    if (motion.grow != 0)
      units[2] = std::max(units[2], std::abs(std::log((1 + motion.grow) / (1 - motion.grow))));
    units[3] = std::max(units[3], std::abs(motion.spin));
  }
  return units;
}

struct PathFit {
  double error = 0;
  Series fitted;
};

/// In order of memory, as a loop adds: xt::sum over several axes adds the sums of rows, which rounds otherwise.
double sum_of(const auto& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// Fits mean and extent of `path` to `track`, both in units; frames far off count less.
PathFit fit_path(const Series& track, const Series& path) {
  const size_t count = track.shape(0);
  Series weights = xt::ones<double>({count, size_t{1}});
  PathFit fit;
  for (int round = 0; round < 3; ++round) {
    const double total = sum_of(weights);
    const Point track_mean = xt::sum(weights * track, {0}) / total;
    const Point path_mean = xt::sum(weights * path, {0}) / total;
    const Series rest = path - path_mean;
    const double product = sum_of(weights * rest * (track - track_mean)),
                 norm = sum_of(weights * rest * rest);
    const double extent = norm > 1e-9 ? std::clamp(product / norm, kLeastExtent, kMostExtent) : 0.0;
    fit.fitted = track_mean + extent * rest;
    const Series errors = xt::sum(xt::square(track - fit.fitted), {1}, xt::keep_dims);
    // Saturates at kOutlier * 4, so that one lost frame cannot outweigh the rest.
    fit.error = sum_of(errors / (1 + errors / (4 * kOutlier)) / static_cast<double>(count));
    weights = 1 / (1 + errors / kOutlier);
  }
  return fit;
}

}  // namespace

MotionFit classify_motion(const World& world, const Layout& layout, const std::vector<Sighting>& track) {
  MotionFit best;
  std::vector<double> times;
  std::vector<Pose> poses;
  std::vector<size_t> frames;
  for (size_t f = 0; f < track.size(); ++f) {
    if (!track[f].seen) continue;
    times.push_back(track.size() > 1 ? static_cast<double>(f) / static_cast<double>(track.size() - 1) : 0.0);
    poses.push_back(track[f].pose);
    frames.push_back(f);
  }
  best.error = std::numeric_limits<double>::infinity();
  if (poses.size() < 2 || 2 * poses.size() < track.size()) return best;

  const Point units = units_of(world, layout);
  const Series seen = in_units(poses, units);
  int nearest = -1;
  Series nearest_path;
  for (size_t m = 0; m < world.motions.size(); ++m) {
    PathFit fit = fit_path(seen, in_units(path_of(world, world.motions[m], layout, times), units));
    best.errors.push_back(fit.error);
    if (fit.error < best.error) {
      best.error = fit.error;
      nearest = static_cast<int>(m);
      nearest_path = std::move(fit.fitted);
    }
  }
  if (best.error <= kLargestError) best.motion = nearest;

  size_t pairs = 0, triples = 0;
  double roughness = 0, size = 0;
  for (const size_t f : frames) size += track[f].pose.size / static_cast<double>(frames.size());
  // What a change of log(size) or of angle moves: the edge of the object.
  const Point levers = {1, 1, size / 2, size / 2};
  const Series rest = (seen - nearest_path) * units * levers;
  for (size_t k = 1; k < frames.size(); ++k) {
    if (frames[k] != frames[k - 1] + 1) continue;
    const Pose& a = track[frames[k - 1]].pose;
    const Pose& b = track[frames[k]].pose;
    best.amplitude.displacement += std::hypot(b.x - a.x, b.y - a.y);
    best.amplitude.zoom += std::abs(std::log(b.size / a.size));
    best.amplitude.turn += std::abs(b.angle - a.angle);
    ++pairs;
    if (k < 2 || frames[k] != frames[k - 2] + 2) continue;
    for (int d = 0; d < 4; ++d) {
      const double change = rest(k, d) - 2 * rest(k - 1, d) + rest(k - 2, d);
      roughness += change * change;
    }
    ++triples;
  }
  if (pairs > 0) {
    best.amplitude.displacement /= static_cast<double>(pairs);
    best.amplitude.zoom /= static_cast<double>(pairs);
    best.amplitude.turn /= static_cast<double>(pairs);
    best.amplitude.edge =
        best.amplitude.displacement + size / 2 * (best.amplitude.zoom + best.amplitude.turn);
  }
  if (triples > 0) best.roughness = std::sqrt(roughness / static_cast<double>(triples));
  return best;
}

}  // namespace reel::world
