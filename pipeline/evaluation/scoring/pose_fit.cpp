#include "pipeline/evaluation/scoring/pose_fit.h"

#include <cmath>

namespace reel::world {
namespace {

/// Normal equations of the four parameters x, y, log(size), angle.
struct Normal {
  std::array<std::array<double, 4>, 4> matrix{};
  std::array<double, 4> right{};
};

float sum3(Four four) { return four[0] + four[1] + four[2]; }

/// gain(), and the normal equations of the linearised error around the pose if `normal` is given.
template <bool kNormal>
Gain evaluate(const SpriteBank& bank, int sprite, const Pose& pose, const Target& target, Normal* normal) {
  const Texture& texture = bank.texture(sprite, pose.size, target.seen->side);
  const int side = target.seen->side;
  const Window window = window_of(texture, pose, side);
  const float scale = static_cast<float>(1 / pose.size), texels = static_cast<float>(texture.per_cell);
  const float c = static_cast<float>(std::cos(pose.angle)) * scale,
              s = static_cast<float>(std::sin(pose.angle)) * scale;
  const float origin = 0.5F * texels + static_cast<float>(texture.margin) - 0.5F;
  Gain total;
  for (int j = window.j0; j < window.j1; ++j) {
    // Sums over a row are kept in floats, sums of rows in doubles.
    float agreement = 0, strength = 0;
    std::array<Four, 4> matrix{};
    Four right{};
    for (int i = window.i0; i < window.i1; ++i) {
      const float u = (static_cast<float>(i) + 0.5F) / static_cast<float>(side) - static_cast<float>(pose.x);
      const float v = (static_cast<float>(j) + 0.5F) / static_cast<float>(side) - static_cast<float>(pose.y);
      const float a = c * u + s * v, b = c * v - s * u;  // from the cell's centre
      Texel texel;
      if (!sample(texture, a * texels + origin, b * texels + origin, texel)) continue;
      const float weight = target.weight ? (*target.weight)[static_cast<size_t>(j) * side + i] : 1.0F;
      const Four under = load(target.under->at(i, j));
      const Four difference = load(target.seen->at(i, j)) - under;
      const Four effect = texel.value - texel.value[3] * under;
      agreement += weight * sum3(effect * difference);
      strength += weight * sum3(effect * effect);
      if constexpr (kNormal) {
        // The colours' derivatives by the place in the cell, and that place's by the four parameters.
        const Four da = (texel.dx - texel.dx[3] * under) * texels,
                   db = (texel.dy - texel.dy[3] * under) * texels;
        const Four a_by = {-c, -s, -a, b}, b_by = {s, -c, -b, -a};
        const Four error = difference - effect;
        right += a_by * (weight * sum3(da * error)) + b_by * (weight * sum3(db * error));
        const Four along_a = a_by * (weight * sum3(da * da)) + b_by * (weight * sum3(da * db));
        const Four along_b = a_by * (weight * sum3(da * db)) + b_by * (weight * sum3(db * db));
        for (int m = 0; m < 4; ++m) matrix[m] += a_by * along_a[m] + b_by * along_b[m];
      }
    }
    total.agreement += agreement;
    total.strength += strength;
    if constexpr (kNormal) {
      for (int m = 0; m < 4; ++m) {
        normal->right[m] += right[m];
        for (int n = 0; n < 4; ++n) normal->matrix[m][n] += matrix[m][n];
      }
    }
  }
  return total;
}

/// Solves the leading `count` equations by Cholesky decomposition, the diagonal raised by `damping` of
/// itself.
std::array<double, 4> solve(const Normal& normal, int count, double damping) {
  std::array<std::array<double, 4>, 4> low{};
  std::array<double, 4> x{};
  for (int m = 0; m < count; ++m) {
    for (int n = 0; n <= m; ++n) {
      double sum = normal.matrix[m][n];
      if (m == n) sum += damping * sum + 1e-9;
      for (int k = 0; k < n; ++k) sum -= low[m][k] * low[n][k];
      low[m][n] = m == n ? std::sqrt(std::max(sum, 1e-12)) : sum / low[n][n];
    }
  }
  for (int m = 0; m < count; ++m) {
    x[m] = normal.right[m];
    for (int k = 0; k < m; ++k) x[m] -= low[m][k] * x[k];
    x[m] /= low[m][m];
  }
  for (int m = count; m-- > 0;) {
    for (int k = m + 1; k < count; ++k) x[m] -= low[k][m] * x[k];
    x[m] /= low[m][m];
  }
  return x;
}

}  // namespace

double energy(const Target& target) {
  double total = 0;
  const int side = target.seen->side;
  for (int j = 0; j < side; ++j) {
    float row = 0;
    for (int i = 0; i < side; ++i) {
      const float weight = target.weight ? (*target.weight)[static_cast<size_t>(j) * side + i] : 1.0F;
      const float* seen = target.seen->at(i, j);
      const float* under = target.under->at(i, j);
      for (int k = 0; k < 3; ++k) row += weight * (seen[k] - under[k]) * (seen[k] - under[k]);
    }
    total += row;
  }
  return total;
}

double Gain::softened() const {
  const double fade = strength > 0 ? std::clamp(agreement / strength, 0.5, 1.0) : 1.0;
  return fade * fade * strength - 2 * fade * agreement;
}

Gain gain(const SpriteBank& bank, int sprite, const Pose& pose, const Target& target) {
  return evaluate<false>(bank, sprite, pose, target, nullptr);
}

Gain refine(const SpriteBank& bank, int sprite, Pose& pose, const Target& target,
            const RefineOptions& options) {
  constexpr double kLongestStep = 0.05, kLargestZoom = 0.15, kLargestTurn = 0.25;
  double damping = 0.01;
  Normal normal;
  Gain current = evaluate<true>(bank, sprite, pose, target, &normal);
  for (int k = 0; k < options.iterations; ++k) {
    const std::array<double, 4> step = solve(normal, options.free_angle ? 4 : 3, damping);
    Pose next = pose;
    next.x = std::clamp(pose.x + std::clamp(step[0], -kLongestStep, kLongestStep), 0.0, 1.0);
    next.y = std::clamp(pose.y + std::clamp(step[1], -kLongestStep, kLongestStep), 0.0, 1.0);
    next.size = std::clamp(pose.size * std::exp(std::clamp(step[2], -kLargestZoom, kLargestZoom)), 0.08, 0.9);
    next.angle = pose.angle + (options.free_angle ? std::clamp(step[3], -kLargestTurn, kLargestTurn) : 0.0);
    Normal after;
    const Gain reached = evaluate<true>(bank, sprite, next, target, &after);
    if (reached.plain() < current.plain()) {
      const bool settled = current.plain() - reached.plain() < 1e-4 * std::abs(current.plain());
      pose = next;
      current = reached;
      normal = after;
      damping = std::max(damping / 4, 1e-4);
      if (settled) break;
    } else {
      damping = std::max(damping * 10, 0.1);
      if (damping > 1000) break;
    }
  }
  return current;
}

}  // namespace reel::world
