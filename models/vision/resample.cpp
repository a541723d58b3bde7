#include "models/vision/resample.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "attention/ops/vector_math.h"

namespace reel::models {
namespace {

constexpr int kBits =
    32 - 8 - 2;  // of a weight behind the point: sums of weighted bytes, with overshoot, fit 32
constexpr int32_t kRounding = 1 << (kBits - 1);
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

/// One value of an output line: the weights of a run of input values, and the sum of those that lie beside the picture.
struct Taps {
  int64_t begin = 0, count = 0;  // in the picture
  size_t weights = 0;            // index of the first
  int32_t outside = 0;           // weight of the canvas
};

/// How a line of `canvas` values, of which the picture has `length` from `start` on, becomes one of `size`.
struct Line {
  int64_t canvas, start, length, size;
};

/// One axis of a resize: taps for the outputs `begin` to `begin + count`.
class Axis {
 public:
  Axis(const Line& line, int64_t begin, int64_t count, Filter filter) {
    taps_.reserve(static_cast<size_t>(count));
    if (filter == Filter::kNearest) {
      nearest(line, begin, count);
    } else {
      for (int64_t i = begin; i < begin + count; ++i) add(line, i, kernel_of(filter));
    }
  }

  const std::vector<Taps>& taps() const { return taps_; }
  const int32_t* weights(const Taps& taps) const { return weights_.data() + taps.weights; }

  /// The inputs in the picture that some output reads: [first, last).
  int64_t first() const {
    int64_t least = std::numeric_limits<int64_t>::max();
    for (const Taps& taps : taps_)
      if (taps.count > 0) least = std::min(least, taps.begin);
    return std::min(least, last());
  }
  int64_t last() const {
    int64_t most = 0;
    for (const Taps& taps : taps_)
      if (taps.count > 0) most = std::max(most, taps.begin + taps.count);
    return most;
  }

 private:
  void add(const Line& line, int64_t output, const Kernel& kernel) {
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

  /// Weights of the inputs from `low` on: kept for those in the picture, summed for those beside it.
  void put(const Line& line, int64_t low, const std::vector<double>& values) {
    Taps taps{0, 0, weights_.size(), 0};
    for (size_t i = 0; i < values.size(); ++i) {
      const double scaled = values[i] * (1 << kBits);
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
    taps_.push_back(taps);
  }

  // Pillow adds the step up instead of multiplying, and truncates.
  void nearest(const Line& line, int64_t begin, int64_t count) {
    const double step = static_cast<double>(line.canvas) / static_cast<double>(line.size);
    double place = step * 0.5;
    for (int64_t i = 0; i < begin + count; ++i, place += step)
      if (i >= begin) put(line, std::min(static_cast<int64_t>(place), line.canvas - 1), {1.0});
  }

  std::vector<Taps> taps_;
  std::vector<int32_t> weights_;
  std::vector<double> values_;  // of one output, kept for its memory
};

uint8_t to_byte(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kBits, 0, 255)); }

/// Weighted sums of three interleaved channels. `thrice`: each weight three times.
REEL_MULTIVERSION void sum_pixels(const uint8_t* pixels, const int32_t* thrice, int64_t count,
                                  int32_t* sums) {
  constexpr int64_t kLanes = 24;
  int32_t lanes[kLanes] = {};
  const int64_t values = 3 * count;
  int64_t i = 0;
  for (; i + kLanes <= values; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += thrice[i + lane] * pixels[i + lane];
  for (int64_t lane = 0; i < values; ++i, ++lane) lanes[lane] += thrice[i] * pixels[i];
  for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane % 3] += lanes[lane];
}

REEL_MULTIVERSION void add_row(const uint8_t* row, int32_t weight, int64_t count, int32_t* sums) {
  for (int64_t i = 0; i < count; ++i) sums[i] += weight * row[i];
}

REEL_MULTIVERSION void to_bytes(const int32_t* sums, int64_t count, uint8_t* bytes) {
  for (int64_t i = 0; i < count; ++i) bytes[i] = to_byte(sums[i]);
}

/// Of one canvas row or column without the picture, what a pass makes of it: its weights need not sum up to exactly one.
std::vector<uint8_t> canvas_line(const Axis& axis, const std::array<uint8_t, 3>& colour) {
  std::vector<uint8_t> line;
  for (const Taps& taps : axis.taps()) {
    int32_t whole = taps.outside;
    for (int64_t i = 0; i < taps.count; ++i) whole += axis.weights(taps)[i];
    for (const uint8_t channel : colour) line.push_back(to_byte(kRounding + whole * channel));
  }
  return line;
}

/// Part of a picture, uint8 [rows, columns, 3] in rows of `stride` bytes.
struct Part {
  const uint8_t* data;
  int64_t rows, columns, stride;
};

/// Resizes each row. Column 0 of `part` is input `first` of the axis; `outside`: three channels that lie beside each row,
/// `step` bytes apart.
void along_rows(const Part& part, const Axis& axis, int64_t first, const uint8_t* outside, int64_t step,
                uint8_t* to) {
  std::vector<int32_t> thrice;
  for (const Taps& taps : axis.taps())
    for (int64_t i = 0; i < taps.count; ++i) thrice.insert(thrice.end(), 3, axis.weights(taps)[i]);
  for (int64_t row = 0; row < part.rows; ++row, outside += step) {
    const uint8_t* const from = part.data + row * part.stride;
    for (const Taps& taps : axis.taps()) {
      int32_t sums[3];
      for (size_t c = 0; c < 3; ++c) sums[c] = kRounding + taps.outside * outside[c];
      sum_pixels(from + (taps.begin - first) * 3, thrice.data() + taps.weights * 3, taps.count, sums);
      for (const int32_t sum : sums) *to++ = to_byte(sum);
    }
  }
}

/// Resizes each column. Row 0 of `part` is input `first` of the axis; `outside`: a row that lies above and below.
void down_columns(const Part& part, const Axis& axis, int64_t first, const uint8_t* outside, uint8_t* to) {
  const int64_t values = part.columns * 3;
  std::vector<int32_t> sums(static_cast<size_t>(values));
  for (const Taps& taps : axis.taps()) {
    std::fill(sums.begin(), sums.end(), kRounding);
    if (taps.outside != 0) add_row(outside, taps.outside, values, sums.data());
    const uint8_t* row = part.data + (taps.begin - first) * part.stride;
    for (int64_t i = 0; i < taps.count; ++i, row += part.stride)
      add_row(row, axis.weights(taps)[i], values, sums.data());
    to_bytes(sums.data(), values, to);
    to += values;
  }
}

/// Pillow resizes columns first if the height shrinks by more than twice what the width does. (Up to version 12 it always
/// began with rows, which rounds otherwise.)
bool columns_first(Size from, Size to) {
  return from.height > to.height && from.height - to.height > 2 * (from.width - to.width);
}

void check_request(const at::Tensor& picture, const Canvas& canvas, Size size, const Window& window) {
  if (picture.scalar_type() != at::kByte || picture.dim() != 3 || picture.size(2) != 3 ||
      !picture.is_contiguous() || picture.numel() == 0) {
    throw std::invalid_argument(c10::str("[resample] the picture must be contiguous uint8 [H, W, 3], got ",
                                         picture.scalar_type(), " ", picture.sizes()));
  }
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  const auto within = [](int64_t begin, int64_t length, int64_t all) {
    return begin >= 0 && length >= 1 && length <= all && begin <= all - length;
  };
  if (canvas.size.height > kMost || canvas.size.width > kMost || size.height > kMost || size.width > kMost ||
      !within(canvas.top, picture.size(0), canvas.size.height) ||
      !within(canvas.left, picture.size(1), canvas.size.width) ||
      !within(window.top, window.height, size.height) || !within(window.left, window.width, size.width)) {
    throw std::invalid_argument(c10::str(
        "[resample] sizes must be 1 to 2^31 - 1, the picture on its canvas and the window in the result, got "
        "a picture of ",
        picture.sizes(), ", a canvas of ", canvas.size.height, "x", canvas.size.width, ", a result of ",
        size.height, "x", size.width, " and a window of ", window.height, "x", window.width));
  }
}

}  // namespace

at::Tensor resample(const at::Tensor& picture, const Canvas& canvas, Size size, const Window& window,
                    Filter filter) {
  check_request(picture, canvas, size, window);
  const Axis across({canvas.size.width, canvas.left, picture.size(1), size.width}, window.left, window.width,
                    filter);
  const Axis down({canvas.size.height, canvas.top, picture.size(0), size.height}, window.top, window.height,
                  filter);
  // What of the picture the window needs.
  const int64_t top = down.first(), left = across.first(), stride = picture.size(1) * 3;
  const Part needed{picture.const_data_ptr<uint8_t>() + top * stride + left * 3, down.last() - top,
                    across.last() - left, stride};
  at::Tensor result = at::empty({window.height, window.width, 3}, at::kByte);
  uint8_t* const to = result.mutable_data_ptr<uint8_t>();
  if (columns_first(canvas.size, size)) {
    std::vector<uint8_t> between(static_cast<size_t>(window.height * needed.columns * 3)), above;
    for (int64_t i = 0; i < needed.columns; ++i)
      above.insert(above.end(), canvas.colour.begin(), canvas.colour.end());
    down_columns(needed, down, top, above.data(), between.data());
    const std::vector<uint8_t> beside = canvas_line(down, canvas.colour);
    along_rows({between.data(), window.height, needed.columns, needed.columns * 3}, across, left,
               beside.data(), 3, to);
  } else {
    std::vector<uint8_t> between(static_cast<size_t>(needed.rows * window.width * 3));
    along_rows(needed, across, left, canvas.colour.data(), 0, between.data());
    const std::vector<uint8_t> above = canvas_line(across, canvas.colour);
    down_columns({between.data(), needed.rows, window.width, window.width * 3}, down, top, above.data(), to);
  }
  return result;
}

at::Tensor resample(const at::Tensor& picture, Size size, Filter filter) {
  const Size own{picture.size(0), picture.size(1)};
  return resample(picture, {.size = own}, size, {0, 0, size.height, size.width}, filter);
}

}  // namespace reel::models
