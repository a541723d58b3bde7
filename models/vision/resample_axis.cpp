#include "models/vision/resample_axis.h"

#include <algorithm>
#include <cmath>

namespace reel::models {
namespace {

constexpr double kPi = 3.14159265358979323846;

struct Kernel {
  double support;  // from the centre, in pixels of the coarser side
  double (*at)(double distance);
};

double box_filter(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }
double bilinear_filter(double x) { return std::max(0.0, 1 - std::abs(x)); }
double bicubic_filter(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}
double hamming_filter(double x) {
  x = std::abs(x);
  if (x == 0) return 1;
  if (x >= 1) return 0;
  x *= kPi;
  return std::sin(x) / x * (0.54f + 0.46f * std::cos(x));  // Pillow's factors are single precision
}
double sinc(double x) {
  if (x == 0) return 1;
  x *= kPi;
  return std::sin(x) / x;
}
double lanczos_filter(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

Kernel kernel_of(Filter filter) {
  switch (filter) {
    case Filter::kBox:
      return {0.5, box_filter};
    case Filter::kBilinear:
      return {1, bilinear_filter};
    case Filter::kHamming:
      return {1, hamming_filter};
    case Filter::kBicubic:
      return {2, bicubic_filter};
    default:
      return {3, lanczos_filter};
  }
}

}  // namespace

ResampleAxis::ResampleAxis(const ResampledLine& line, int64_t begin, int64_t count, Filter filter) {
  taps_.reserve(static_cast<size_t>(count));
  if (filter == Filter::kNearest) {
    add_nearest(line, begin, count);
  } else {
    for (int64_t i = begin; i < begin + count; ++i) add(line, i, filter);
  }
}

void ResampleAxis::add(const ResampledLine& line, int64_t output, Filter filter) {
  const Kernel kernel = kernel_of(filter);
  if (line.size == line.canvas) return put(line, output, {1.0});  // Pillow leaves this axis out
  const double scale = static_cast<double>(line.canvas) / static_cast<double>(line.size);
  const double widening = std::max(scale, 1.0), support = kernel.support * widening;
  const double centre = (static_cast<double>(output) + 0.5) * scale, narrowing = 1 / widening;
  const int64_t low = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
  const int64_t high = std::min(static_cast<int64_t>(centre + support + 0.5), line.canvas);
  std::vector<double>& values = values_;
  values.assign(static_cast<size_t>(std::max<int64_t>(high - low, 0)), 0);
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = kernel.at((static_cast<double>(static_cast<int64_t>(i) + low) - centre + 0.5) * narrowing);
    sum += values[i];
  }
  if (sum != 0) {
    for (double& value : values) value /= sum;
  }
  put(line, low, values);
}

// Weights of the inputs from `low` on: kept for those in the picture, summed for those beside it.
void ResampleAxis::put(const ResampledLine& line, int64_t low, const std::vector<double>& values) {
  Taps taps{0, 0, weights_.size(), 0};
  for (size_t i = 0; i < values.size(); ++i) {
    const double scaled = values[i] * (1 << kWeightBits);
    const auto weight = static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    const int64_t at = low + static_cast<int64_t>(i) - line.start;
    if (at < 0 || at >= line.length) {
      taps.outside += weight;
    } else {
      if (taps.count == 0) taps.begin = at;
      ++taps.count;
      weights_.push_back(weight);
    }
  }
  if (taps.count > 0) {
    first_ = last_ == 0 ? taps.begin : std::min(first_, taps.begin);
    last_ = std::max(last_, taps.begin + taps.count);
  }
  taps_.push_back(taps);
}

// Pillow adds the step up instead of multiplying, and truncates.
void ResampleAxis::add_nearest(const ResampledLine& line, int64_t begin, int64_t count) {
  const double step = static_cast<double>(line.canvas) / static_cast<double>(line.size);
  double place = step * 0.5;
  for (int64_t i = 0; i < begin + count; ++i, place += step)
    if (i >= begin) put(line, std::min(static_cast<int64_t>(place), line.canvas - 1), {1.0});
}

}  // namespace reel::models
