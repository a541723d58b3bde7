#include "pipeline/evaluation/world/motion.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace reel::world {
namespace {

constexpr double kLeastExtent = 0.6, kMostExtent = 1.8;
// A mean square error above this is no motion of this world: a full linear motion has 1/12 around its middle,
// so this is what is left when a good half of a motion is not explained.
constexpr double kLargestError = 0.05;
// Square error at which a frame counts half: single frames that were tracked badly must not decide.
constexpr double kOutlier = 0.05;

using Series = std::vector<std::array<double, 4>>;  // x, y, log(size), angle

/// The path of a motion of full extent.
Series path_of(const World& world, const Motion& motion, const Layout& layout,
               const std::vector<double>& times) {
  const ActorTake take{.cx = 0,
                       .cy = 0,
                       .size = 1,
                       .travel_x = layout.travel_x.middle(),
                       .travel_y = layout.travel_y.middle(),
                       .hop = layout.hop.middle()};
  Series path;
  for (const double time : times) {
    const Pose pose = pose_at(world, motion, take, time);
    path.push_back({pose.x, pose.y, std::log(pose.size), pose.angle});
  }
  return path;
}

/// One full motion of each kind: the largest extent that any motion of the world has in x, y, log(size),
/// angle.
std::array<double, 4> units_of(const World& world, const Layout& layout) {
  std::array<double, 4> units{1e-3, 1e-3, 1e-3, 1e-3};
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

/// Fits mean and extent of `path` to `track`, both in units; frames far off count less.
PathFit fit_path(const Series& track, const Series& path) {
  const size_t count = track.size();
  std::vector<double> weights(count, 1.0), errors(count);
  PathFit fit;
  for (int round = 0; round < 3; ++round) {
    std::array<double, 4> track_mean{}, path_mean{};
    double total = 0, product = 0, norm = 0;
    for (size_t f = 0; f < count; ++f) {
      total += weights[f];
      for (int d = 0; d < 4; ++d) {
        track_mean[d] += weights[f] * track[f][d];
        path_mean[d] += weights[f] * path[f][d];
      }
    }
    for (size_t f = 0; f < count; ++f) {
      for (int d = 0; d < 4; ++d) {
        const double p = path[f][d] - path_mean[d] / total;
        product += weights[f] * p * (track[f][d] - track_mean[d] / total);
        norm += weights[f] * p * p;
      }
    }
    const double extent = norm > 1e-9 ? std::clamp(product / norm, kLeastExtent, kMostExtent) : 0.0;
    fit.error = 0;
    fit.fitted.assign(count, {});
    for (size_t f = 0; f < count; ++f) {
      errors[f] = 0;
      for (int d = 0; d < 4; ++d) {
        fit.fitted[f][d] = track_mean[d] / total + extent * (path[f][d] - path_mean[d] / total);
        errors[f] += (track[f][d] - fit.fitted[f][d]) * (track[f][d] - fit.fitted[f][d]);
      }
      // Saturates at kOutlier * 4, so that one lost frame cannot outweigh the rest.
      fit.error += errors[f] / (1 + errors[f] / (4 * kOutlier)) / static_cast<double>(count);
      weights[f] = 1 / (1 + errors[f] / kOutlier);
    }
  }
  return fit;
}

}  // namespace

MotionFit classify_motion(const World& world, const Layout& layout, const std::vector<Sighting>& track) {
  MotionFit best;
  std::vector<double> times;
  Series seen;
  std::vector<size_t> frames;
  const std::array<double, 4> units = units_of(world, layout);
  for (size_t f = 0; f < track.size(); ++f) {
    if (!track[f].seen) continue;
    times.push_back(track.size() > 1 ? static_cast<double>(f) / static_cast<double>(track.size() - 1) : 0.0);
    const Pose& pose = track[f].pose;
    seen.push_back(
        {pose.x / units[0], pose.y / units[1], std::log(pose.size) / units[2], pose.angle / units[3]});
    frames.push_back(f);
  }
  best.error = std::numeric_limits<double>::infinity();
  if (seen.size() < 2 || 2 * seen.size() < track.size()) return best;

  int nearest = -1;
  Series nearest_path;
  for (size_t m = 0; m < world.motions.size(); ++m) {
    Series path = path_of(world, world.motions[m], layout, times);
    for (auto& point : path) {
      for (int d = 0; d < 4; ++d) point[d] /= units[d];
    }
    PathFit fit = fit_path(seen, path);
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
  const std::array<double, 4> levers = {1, 1, size / 2, size / 2};
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
      const auto rest = [&](size_t i) { return (seen[i][d] - nearest_path[i][d]) * units[d] * levers[d]; };
      const double change = rest(k) - 2 * rest(k - 1) + rest(k - 2);
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
