// Small multiples: one panel per quantity, all over the same axis, as SVG.
#pragma once

#include <string>
#include <vector>

namespace reel::pipeline {

/// A value with its interval. `x` is a place in `Multiples::ticks`.
struct ChartPoint {
  size_t x = 0;
  double y = 0, low = 0, high = 0;
};

struct ChartSeries {
  std::string name;
  std::vector<ChartPoint> points;  // in order of x; points that are not finite are left out
};

struct ChartPanel {
  std::string title;
  double baseline = 0;  // a line across the panel; not finite: none
  std::vector<ChartSeries> series;
};

struct Multiples {
  std::string title, x_label, note;  // above the panels, below each, below all
  std::vector<std::string> ticks;    // where points can be on the axis
  /// All of the same series. If there are several, the legend shows those of the first panel.
  std::vector<ChartPanel> panels;
};

/// Ticks that are numbers stand where their values are, others at even distances. Each panel has its own
/// vertical range, which holds the baseline and all intervals.
std::string draw_multiples(const Multiples& multiples);

}  // namespace reel::pipeline
