#include "models/vision/resample.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include "attention/ops/vector_math.h"

namespace reel::models {
namespace {

constexpr int32_t kRounding = 1 << (kWeightBits - 1);

uint8_t to_byte(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

constexpr int64_t kLanes = 24;  // values of eight pixels: a multiple of three that registers hold

/// Taps in the form in which rows are resized: whole blocks of kLanes values, with zeros behind the last weight.
struct Blocks {
  int64_t begin, count;  // in values; in blocks
  size_t weights;        // index of the first; each stands there three times, once for each channel
  int32_t outside;
};

REEL_MULTIVERSION void resize_row(const uint8_t* row, const std::vector<Blocks>& outputs,
                                  const int32_t* weights, const uint8_t* outside, uint8_t* to) {
  for (const Blocks& output : outputs) {
    const uint8_t* from = row + output.begin;
    const int32_t* weight = weights + output.weights;
    int32_t lanes[kLanes] = {};
    for (int64_t i = 0; i < output.count; ++i, from += kLanes, weight += kLanes)
      for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += weight[lane] * from[lane];
    int32_t sums[3];
    for (int c = 0; c < 3; ++c) sums[c] = kRounding + output.outside * outside[c];
    for (int64_t lane = 0; lane < kLanes; lane += 3)
      for (int c = 0; c < 3; ++c) sums[c] += lanes[lane + c];
    for (const int32_t sum : sums) *to++ = to_byte(sum);
  }
}

REEL_MULTIVERSION void add_row(const uint8_t* row, int32_t weight, int64_t count, int32_t* sums) {
  for (int64_t i = 0; i < count; ++i) sums[i] += weight * row[i];
}

REEL_MULTIVERSION void to_bytes(const int32_t* sums, int64_t count, uint8_t* bytes) {
  for (int64_t i = 0; i < count; ++i) bytes[i] = to_byte(sums[i]);
}

/// Of one canvas row or column without the picture, what a pass makes of it: its weights need not sum up to exactly one.
std::vector<uint8_t> canvas_line(const ResampleAxis& axis, const std::array<uint8_t, 3>& colour) {
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
void along_rows(const Part& part, const ResampleAxis& axis, int64_t first, const uint8_t* outside,
                int64_t step, uint8_t* to) {
  std::vector<Blocks> outputs;
  std::vector<int32_t> weights;
  for (const Taps& taps : axis.taps()) {
    outputs.push_back({taps.count > 0 ? (taps.begin - first) * 3 : 0, (3 * taps.count + kLanes - 1) / kLanes,
                       weights.size(), taps.outside});
    for (int64_t i = 0; i < taps.count; ++i) weights.insert(weights.end(), 3, axis.weights(taps)[i]);
    weights.resize((weights.size() + kLanes - 1) / kLanes * kLanes);
  }
  // A copy of a row may be read behind its end.
  const int64_t values = part.columns * 3;
  std::vector<uint8_t> row(static_cast<size_t>(values + kLanes));
  for (int64_t y = 0; y < part.rows; ++y, outside += step, to += 3 * outputs.size()) {
    std::copy_n(part.data + y * part.stride, values, row.data());
    resize_row(row.data(), outputs, weights.data(), outside, to);
  }
}

/// Resizes each column. Row 0 of `part` is input `first` of the axis; `outside`: a row that lies above and below.
void down_columns(const Part& part, const ResampleAxis& axis, int64_t first, const uint8_t* outside,
                  uint8_t* to) {
  const int64_t values = part.columns * 3;
  std::vector<int32_t> sums(static_cast<size_t>(values));
  for (const Taps& taps : axis.taps()) {
    std::fill(sums.begin(), sums.end(), kRounding);
    if (taps.outside != 0) add_row(outside, taps.outside, values, sums.data());
    const uint8_t* row = part.data + (taps.count > 0 ? taps.begin - first : 0) * part.stride;
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
  const ResampleAxis across({canvas.size.width, canvas.left, picture.size(1), size.width}, window.left,
                            window.width, filter);
  const ResampleAxis down({canvas.size.height, canvas.top, picture.size(0), size.height}, window.top,
                          window.height, filter);
  // What of the picture the window needs.
  const int64_t top = down.first(), left = across.first(), stride = picture.size(1) * 3;
  const Part needed{picture.const_data_ptr<uint8_t>() + top * stride + left * 3, down.last() - top,
                    across.last() - left, stride};
  at::Tensor result = at::empty({window.height, window.width, 3}, at::kByte);
  uint8_t* const to = result.mutable_data_ptr<uint8_t>();
  // Of the nearest pixels most rows and columns are left out, and either order gives the same.
  if (filter == Filter::kNearest || columns_first(canvas.size, size)) {
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
