#include "pipeline/evaluation/scoring/background_fit.h"

#include <cmath>
#include <limits>

namespace reel::world {
namespace {

// Errors above this (root mean square of the channels) belong to objects.
constexpr double kTruncation = 0.12;
// How far, in steps, the horizon may leave the world's range.
constexpr double kHorizonStep = 0.01, kHorizonSlack = 0.06;
// Deviation allowed to the three colours of a background.
constexpr double kColourDeviation = 0.04;
// A background must explain this much of the clip to be recognised; two objects cover at most 30 % of it.
constexpr double kLeastExplained = 0.4;

/// How much of `top`, `bottom` and `ground` a row shows.
using Shares = std::array<double, 3>;

std::vector<Shares> row_shares(const World& world, const Background& background, double horizon, int side) {
  std::vector<Shares> rows(side);
  for (int j = 0; j < side; ++j) {
    // A row of a small picture averages the rows of the frame; four samples do for the sharp horizon.
    for (int part = 0; part < 4; ++part) {
      const double v = (j + (part + 0.5) / 4) / side;
      const double w = std::clamp(v / horizon, 0.0, 1.0);
      double k = 0, shade = 0;
      if (background.ground) {
        k = std::clamp((v - horizon) * world.horizon_sharpness + 0.5, 0.0, 1.0);
        shade = 1 - world.ground_shade * (1 - std::clamp((v - horizon) / (1 - horizon), 0.0, 1.0));
      }
      rows[j][0] += (1 - w) * (1 - k) / 4;
      rows[j][1] += w * (1 - k) / 4;
      rows[j][2] += shade * k / 4;
    }
  }
  return rows;
}

using Colours = std::array<Colour, 3>;  // top, bottom, ground

Colours colours_of(const Background& background) {
  return {background.top, background.bottom, background.ground.value_or(Colour{})};
}

std::vector<Colour> row_colours(const std::vector<Shares>& rows, const Colours& colours) {
  std::vector<Colour> mixed(rows.size());
  for (size_t j = 0; j < rows.size(); ++j) {
    for (int c = 0; c < 3; ++c) {
      for (int k = 0; k < 3; ++k) mixed[j][c] += rows[j][k] * colours[k][c];
      mixed[j][c] = std::clamp(mixed[j][c], 0.0, 1.0);
    }
  }
  return mixed;
}

double squared_error(const float* pixel, const Colour& colour) {
  double sum = 0;
  for (int c = 0; c < 3; ++c) sum += (pixel[c] - colour[c]) * (pixel[c] - colour[c]);
  return sum / 3;
}

/// Mean truncated squared error over every `stride`-th frame.
double truncated_cost(const std::vector<Raster>& clip, const std::vector<Colour>& rows, size_t stride) {
  double sum = 0;
  size_t count = 0;
  for (size_t f = 0; f < clip.size(); f += stride) {
    for (int j = 0; j < clip[f].side; ++j) {
      for (int i = 0; i < clip[f].side; ++i) {
        sum += std::min(squared_error(clip[f].at(i, j), rows[j]), kTruncation * kTruncation);
      }
    }
    count += static_cast<size_t>(clip[f].side) * clip[f].side;
  }
  return sum / static_cast<double>(count);
}

/// Solves the symmetric 3 x 3 system a x = b by Cramer's rule; `a` is positive definite by its ridge.
Colour solve(const std::array<Colour, 3>& a, const Colour& b) {
  const auto determinant = [](const std::array<Colour, 3>& m) {
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
           m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
  };
  const double whole = determinant(a);
  Colour x;
  for (int k = 0; k < 3; ++k) {
    std::array<Colour, 3> replaced = a;
    for (int r = 0; r < 3; ++r) replaced[r][k] = b[r];
    x[k] = determinant(replaced) / whole;
  }
  return x;
}

/// Colours that fit the inlying pixels best, drawn to the nominal ones where the clip says little.
Colours refit_colours(const std::vector<Raster>& clip, const std::vector<Shares>& rows,
                      const Colours& nominal, const Colours& current) {
  const std::vector<Colour> expected = row_colours(rows, current);
  Colours fitted;
  // Per row: number of inliers and sum of their colours.
  const int side = clip[0].side;
  std::vector<double> count(side);
  std::vector<Colour> sum(side);
  for (const Raster& frame : clip) {
    for (int j = 0; j < side; ++j) {
      for (int i = 0; i < side; ++i) {
        const double error = squared_error(frame.at(i, j), expected[j]) / (kTruncation * kTruncation);
        if (error > 1) continue;
        const double weight = (1 - error) * (1 - error);  // Tukey's biweight
        count[j] += weight;
        for (int c = 0; c < 3; ++c) sum[j][c] += weight * frame.at(i, j)[c];
      }
    }
  }
  // One unit of certainty in the ridge is a deviation of kColourDeviation against 0.05 of noise a pixel.
  const double ridge = 0.05 * 0.05 / (kColourDeviation * kColourDeviation) * static_cast<double>(clip.size());
  for (int c = 0; c < 3; ++c) {
    std::array<Colour, 3> normal{};
    Colour right{};
    for (int j = 0; j < side; ++j) {
      for (int k = 0; k < 3; ++k) {
        right[k] += rows[j][k] * sum[j][c];
        for (int m = 0; m < 3; ++m) normal[k][m] += count[j] * rows[j][k] * rows[j][m];
      }
    }
    for (int k = 0; k < 3; ++k) {
      normal[k][k] += ridge;
      right[k] += ridge * nominal[k][c];
    }
    const Colour solved = solve(normal, right);
    for (int k = 0; k < 3; ++k) {
      // Beyond three deviations it is another background, not a variant of this one.
      fitted[k][c] =
          std::clamp(solved[k], nominal[k][c] - 3 * kColourDeviation, nominal[k][c] + 3 * kColourDeviation);
    }
  }
  return fitted;
}

double median(std::vector<float>& values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Follows even deviations of whole rows, such as a softer horizon: the median error of the inliers.
void follow_rows(const std::vector<Raster>& clip, std::vector<Colour>& rows) {
  const int side = clip[0].side;
  for (int j = 0; j < side; ++j) {
    std::array<std::vector<float>, 3> errors;
    for (const Raster& frame : clip) {
      for (int i = 0; i < side; ++i) {
        if (squared_error(frame.at(i, j), rows[j]) > kTruncation * kTruncation) continue;
        for (int c = 0; c < 3; ++c) errors[c].push_back(frame.at(i, j)[c] - static_cast<float>(rows[j][c]));
      }
    }
    // Where objects cover most of a row, its few inliers may be theirs.
    if (errors[0].size() < clip.size() * side / 3) continue;
    for (int c = 0; c < 3; ++c) rows[j][c] += median(errors[c]);
  }
}

/// Adds each star as bright as the clip shows it (blurred clips lose them).
void add_stars(const World& world, const Background& background, const std::vector<Raster>& clip,
               Raster& picture) {
  const int side = picture.side;
  // The star as an average over the pixel: a little wider than drawn.
  const double variance = world.star_sigma * world.star_sigma + 1.0 / (12.0 * side * side);
  const double peak = world.star_sigma * world.star_sigma / variance;
  for (const Star& star : background.stars) {
    const int reach = static_cast<int>(std::ceil(4 * std::sqrt(variance) * side));
    const int ci = static_cast<int>(star.u * side), cj = static_cast<int>(star.v * side);
    std::vector<std::array<double, 3>> shape;  // i, j, value
    double norm = 0;
    for (int j = std::max(cj - reach, 0); j <= std::min(cj + reach, side - 1); ++j) {
      for (int i = std::max(ci - reach, 0); i <= std::min(ci + reach, side - 1); ++i) {
        const double u = (i + 0.5) / side - star.u, v = (j + 0.5) / side - star.v;
        const double value = star.brightness * peak * std::exp(-(u * u + v * v) / (2 * variance));
        shape.push_back({static_cast<double>(i), static_cast<double>(j), value});
        norm += 3 * value * value;
      }
    }
    if (norm <= 0) continue;
    std::vector<float> brightness;
    for (const Raster& frame : clip) {
      double product = 0;
      for (const auto& [i, j, value] : shape) {
        const float* seen = frame.at(static_cast<int>(i), static_cast<int>(j));
        const float* under = picture.at(static_cast<int>(i), static_cast<int>(j));
        for (int c = 0; c < 3; ++c) product += value * (seen[c] - under[c]);
      }
      brightness.push_back(static_cast<float>(product / norm));
    }
    const double amount = std::clamp(median(brightness), 0.0, 1.2);
    for (const auto& [i, j, value] : shape) {
      float* pixel = picture.at(static_cast<int>(i), static_cast<int>(j));
      for (int c = 0; c < 3; ++c) pixel[c] = std::min(pixel[c] + static_cast<float>(amount * value), 1.0F);
    }
  }
}

}  // namespace

BackgroundFit fit_background(const World& world, const std::vector<Raster>& clip) {
  std::vector<Raster> small;
  for (size_t f = 0; f < clip.size(); f += 2) small.push_back(halve(clip[f]));
  const int side = clip[0].side;

  struct Candidate {
    int index;
    double horizon, cost;
    Colours colours;
  };
  Candidate best{-1, 1, std::numeric_limits<double>::infinity(), {}};
  for (size_t b = 0; b < world.backgrounds.size(); ++b) {
    const Background& background = world.backgrounds[b];
    const Colours nominal = colours_of(background);
    Candidate own{static_cast<int>(b), 1, std::numeric_limits<double>::infinity(), nominal};
    const auto consider = [&](double horizon, const Colours& colours, double step_cost) {
      const std::vector<Shares> shares = row_shares(world, background, horizon, small[0].side);
      const double cost = truncated_cost(small, row_colours(shares, colours), 2) + step_cost;
      if (cost < own.cost) own = {own.index, horizon, cost, colours};
    };
    if (!background.ground) {
      consider(1, nominal, 0);
    } else {
      for (double h = world.horizon.low - kHorizonSlack; h <= world.horizon.high + kHorizonSlack;
           h += kHorizonStep) {
        consider(h, nominal, 0);
      }
    }
    // The colours given the horizon, then the horizon given the colours.
    for (int round = 0; round < 2; ++round) {
      const std::vector<Shares> shares = row_shares(world, background, own.horizon, small[0].side);
      const Colours refitted = refit_colours(small, shares, nominal, own.colours);
      const double around = own.horizon, step = kHorizonStep / (2 << round);
      consider(around, refitted, 0);
      if (!background.ground) continue;
      for (const int k : {-2, -1, 1, 2}) consider(around + k * step, refitted, 0);
    }
    if (own.cost < best.cost) best = own;
  }

  BackgroundFit fit;
  const Background& background = world.backgrounds[best.index];
  std::vector<Colour> rows = row_colours(row_shares(world, background, best.horizon, side), best.colours);
  follow_rows(clip, rows);
  fit.horizon = best.horizon;
  fit.picture = Raster(side);
  for (int j = 0; j < side; ++j) {
    for (int i = 0; i < side; ++i) {
      for (int c = 0; c < 3; ++c) fit.picture.at(i, j)[c] = static_cast<float>(rows[j][c]);
    }
  }
  add_stars(world, background, clip, fit.picture);

  size_t inliers = 0;
  std::vector<float> errors;
  for (const Raster& frame : clip) {
    for (int j = 0; j < side; ++j) {
      for (int i = 0; i < side; ++i) {
        const float* seen = frame.at(i, j);
        const float* under = fit.picture.at(i, j);
        const double error = squared_error(seen, {under[0], under[1], under[2]});
        if (error > kTruncation * kTruncation) continue;
        ++inliers;
        errors.push_back(static_cast<float>(error));
      }
    }
  }
  fit.explained = static_cast<double>(inliers) / (static_cast<double>(clip.size()) * side * side);
  // Half of the squared errors of a normal deviate (mean of three) lie below 0.79 of its variance.
  if (!errors.empty()) fit.noise = std::sqrt(median(errors) / 0.79);
  if (fit.explained >= kLeastExplained) fit.index = best.index;
  return fit;
}

}  // namespace reel::world
