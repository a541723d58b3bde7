#include "pipeline/evaluation/small_multiples.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "pipeline/xml_text.h"

namespace reel::pipeline {
namespace {

constexpr int kColumns = 3, kWidth = 260, kHeight = 170, kGapX = 70, kGapY = 66, kMargin = 64, kTop = 84,
              kInset = 14;
// Distinguishable by lightness too.
constexpr const char* kColours[] = {"#1f5fa8", "#c4531a", "#3a8f4d", "#7b4ea3", "#a8892c", "#444444"};

std::string form(const char* format, double value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}
std::string place(double value) { return form("%.1f", value); }

std::string text_at(double x, double y, const std::string& classes, const std::string& text) {
  return "<text x=\"" + place(x) + "\" y=\"" + place(y) + "\" class=\"" + classes + "\">" +
         xml_escaped(text) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return "<line x1=\"" + place(x1) + "\" y1=\"" + place(y1) + "\" x2=\"" + place(x2) + "\" y2=\"" +
         place(y2) + "\" " + style + "/>\n";
}

/// Where each tick stands, 0 to 1.
std::vector<double> tick_places(const std::vector<std::string>& ticks) {
  std::vector<double> numbers, places;
  for (const std::string& tick : ticks) {
    char* end = nullptr;
    const double value = std::strtod(tick.c_str(), &end);
    if (!tick.empty() && *end == '\0' && std::isfinite(value)) numbers.push_back(value);
  }
  const bool numeric = numbers.size() == ticks.size() && !numbers.empty();
  const double low = numeric ? *std::min_element(numbers.begin(), numbers.end()) : 0;
  const double high = numeric ? *std::max_element(numbers.begin(), numbers.end()) : double(ticks.size()) - 1;
  for (size_t i = 0; i < ticks.size(); ++i) {
    const double value = numeric ? numbers[i] : double(i);
    places.push_back(high > low ? (value - low) / (high - low) : 0.5);
  }
  return places;
}

bool usable(const ChartPoint& point) {
  return std::isfinite(point.y) && std::isfinite(point.low) && std::isfinite(point.high);
}

/// A vertical range that holds everything, with air around it, and round numbers in it.
struct Scale {
  double low = std::numeric_limits<double>::infinity(), high = -low, step = 1;
  explicit Scale(const ChartPanel& panel) {
    const auto hold = [&](double value) {
      if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
    };
    hold(panel.baseline);
    for (const ChartSeries& series : panel.series) {
      for (const ChartPoint& point : series.points) {
        if (usable(point)) hold(point.y), hold(point.low), hold(point.high);
      }
    }
    if (!(low <= high)) low = 0, high = 1;
    const double air = high > low ? 0.08 * (high - low) : std::max(std::abs(high), 1.0) * 0.1;
    low -= air, high += air;
    const double rough = (high - low) / 4, power = std::pow(10, std::floor(std::log10(rough)));
    step = rough / power < 1.5   ? power
           : rough / power < 3.5 ? 2 * power
           : rough / power < 7.5 ? 5 * power
                                 : 10 * power;
  }
  double y(double value) const { return kHeight * (1 - (value - low) / (high - low)); }
};

class Drawing {
 public:
  explicit Drawing(const Multiples& multiples)
      : multiples_(multiples), places_(tick_places(multiples.ticks)) {}

  std::string svg() const {
    const auto panels = static_cast<int>(multiples_.panels.size());
    const int columns = std::clamp(panels, 1, kColumns), rows = (panels + columns - 1) / columns;
    const int width = kMargin + columns * (kWidth + kGapX), height = kTop + rows * (kHeight + kGapY) + 24;
    std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + std::to_string(width) +
                       " " + std::to_string(height) + "\" width=\"" + std::to_string(width) + "\" height=\"" +
                       std::to_string(height) + "\">\n";
    text +=
        "<style>text{font:12px "
        "sans-serif;fill:#222}.title{font-size:15px;font-weight:bold}.head{font-weight:bold}"
        ".y{text-anchor:end;fill:#555}.x{text-anchor:middle;fill:#555}.note{fill:#555}</style>\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
    text += text_at(kMargin, 28, "title", multiples_.title) + legend();
    for (int p = 0; p < panels; ++p) {
      const int x = kMargin + p % columns * (kWidth + kGapX), y = kTop + p / columns * (kHeight + kGapY);
      text += "<g transform=\"translate(" + std::to_string(x) + " " + std::to_string(y) + ")\">\n" +
              panel(multiples_.panels[static_cast<size_t>(p)]) + "</g>\n";
    }
    return text + text_at(kMargin, height - 12, "note", multiples_.note) + "</svg>\n";
  }

 private:
  double x(size_t tick) const { return kInset + places_.at(tick) * (kWidth - 2 * kInset); }

  static std::string colour(size_t series) { return kColours[series % std::size(kColours)]; }

  std::string legend() const {
    if (multiples_.panels.empty() || multiples_.panels.front().series.size() < 2) return "";
    std::string text;
    double left = kMargin;
    for (size_t s = 0; s < multiples_.panels.front().series.size(); ++s) {
      const std::string& name = multiples_.panels.front().series[s].name;
      text += line(left, 48, left + 18, 48, "stroke=\"" + colour(s) + "\" stroke-width=\"3\"");
      text += text_at(left + 24, 52, "note", name);
      left += 44 + 7 * double(name.size());
    }
    return text;
  }

  std::string panel(const ChartPanel& panel) const {
    const Scale scale(panel);
    std::string text = text_at(0, -8, "head", panel.title);
    text += "<rect width=\"" + std::to_string(kWidth) + "\" height=\"" + std::to_string(kHeight) +
            "\" fill=\"none\" stroke=\"#999\"/>\n";
    for (double k = std::ceil(scale.low / scale.step); k * scale.step <= scale.high; ++k) {
      const double value = k * scale.step, at = scale.y(value);
      text += line(0, at, kWidth, at, "stroke=\"#e4e4e4\"") + text_at(-6, at + 4, "y", form("%.4g", value));
    }
    double last = -100;
    for (size_t tick = 0; tick < places_.size(); ++tick) {
      text += line(x(tick), kHeight, x(tick), kHeight + 4, "stroke=\"#999\"");
      // A label that would run into its neighbour is left out.
      if (x(tick) - last < 8 + 7 * double(multiples_.ticks[tick].size())) continue;
      text += text_at(x(tick), kHeight + 17, "x", multiples_.ticks[tick]);
      last = x(tick);
    }
    text += text_at(kWidth / 2.0, kHeight + 33, "x", multiples_.x_label);
    if (std::isfinite(panel.baseline)) {
      const double at = scale.y(panel.baseline);
      text += line(0, at, kWidth, at, "class=\"baseline\" stroke=\"#222\" stroke-dasharray=\"5 3\"");
    }
    for (size_t s = 0; s < panel.series.size(); ++s) text += series(panel, s, scale);
    return text;
  }

  /// The points of one series, beside those of the others.
  std::string series(const ChartPanel& panel, size_t s, const Scale& scale) const {
    const double aside = 5 * (double(s) - double(panel.series.size() - 1) / 2);
    std::string path, marks;
    for (const ChartPoint& point : panel.series[s].points) {
      if (!usable(point)) continue;
      const double at = x(point.x) + aside;
      path += (path.empty() ? "M" : " L") + place(at) + " " + place(scale.y(point.y));
      const std::string stroke = "stroke=\"" + colour(s) + "\"";
      marks += line(at, scale.y(point.low), at, scale.y(point.high), "class=\"interval\" " + stroke);
      for (const double end : {point.low, point.high})
        marks += line(at - 3, scale.y(end), at + 3, scale.y(end), stroke);
      marks += "<circle cx=\"" + place(at) + "\" cy=\"" + place(scale.y(point.y)) + "\" r=\"3\" fill=\"" +
               colour(s) + "\"/>\n";
    }
    if (path.empty()) return "";
    return "<path d=\"" + path + "\" fill=\"none\" stroke=\"" + colour(s) + "\" opacity=\"0.6\"/>\n" + marks;
  }

  const Multiples& multiples_;
  std::vector<double> places_;
};

}  // namespace

std::string draw_multiples(const Multiples& multiples) { return Drawing(multiples).svg(); }

}  // namespace reel::pipeline
