#include "attention/ops/frame/frame_maps_cpu.h"

#include <ATen/Dispatch.h>

#include <algorithm>
#include <limits>

#include "attention/ops/vector_math.h"

namespace reel::attention {
namespace {

/// `n` rounded up to whole vectors.
int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

/// Reads `rows` rows of `d` values, `stride` apart, into rows of `width` floats, multiplied by `scale`.
template <class T>
REEL_MULTIVERSION void read_rows(const T* from, int64_t stride, int64_t rows, int64_t d, int64_t width,
                                 float scale, float* to) {
  for (int64_t x = 0; x < rows; ++x) {
    const T* source = from + x * stride;
    float* target = to + x * width;
    for (int64_t c = 0; c < d; ++c) target[c] = static_cast<float>(source[c]) * scale;
  }
}

template <class T>
REEL_MULTIVERSION void write_rows(const float* from, int64_t width, int64_t rows, int64_t d, T* to,
                                  int64_t stride) {
  for (int64_t x = 0; x < rows; ++x) {
    for (int64_t c = 0; c < d; ++c) to[x * stride + c] = static_cast<T>(from[x * width + c]);
  }
}

REEL_MULTIVERSION void transpose(const float* from, int64_t rows, int64_t d, int64_t width, int64_t span,
                                 float* to) {
  for (int64_t x = 0; x < rows; ++x) {
    for (int64_t c = 0; c < d; ++c) to[c * span + x] = from[x * width + c];
  }
}

/// result [rows, Vectors x 16] = a [rows, depth] b [depth, Vectors x 16]: a block of the result stays in
/// registers while the depth runs, four rows at a time so that each vector of b serves four.
template <int Vectors>
REEL_INLINE void multiply_block(const float* a, int64_t a_pitch, const float* b, int64_t b_pitch,
                                int64_t rows, int64_t depth, float* result, int64_t result_pitch) {
  int64_t x = 0;
  for (; x + 4 <= rows; x += 4) {
    Lanes sums[4][Vectors] = {};
    for (int64_t k = 0; k < depth; ++k) {
      const float* from = b + k * b_pitch;
      for (int v = 0; v < Vectors; ++v) {
        Lanes lane;
        std::memcpy(&lane, from + v * kLanes, sizeof lane);
        for (int r = 0; r < 4; ++r) sums[r][v] += a[(x + r) * a_pitch + k] * lane;
      }
    }
    for (int r = 0; r < 4; ++r) std::memcpy(result + (x + r) * result_pitch, sums[r], sizeof sums[r]);
  }
  for (; x < rows; ++x) {
    Lanes sums[Vectors] = {};
    for (int64_t k = 0; k < depth; ++k) {
      for (int v = 0; v < Vectors; ++v) {
        Lanes lane;
        std::memcpy(&lane, b + k * b_pitch + v * kLanes, sizeof lane);
        sums[v] += a[x * a_pitch + k] * lane;
      }
    }
    std::memcpy(result + x * result_pitch, sums, sizeof sums);
  }
}

/// result [rows, columns] = a [rows, depth] b [depth, columns]; columns are whole vectors.
REEL_MULTIVERSION void multiply(const float* a, int64_t a_pitch, const float* b, int64_t columns,
                                int64_t rows, int64_t depth, float* result) {
  int64_t c = 0;
  for (; c + 2 * kLanes <= columns; c += 2 * kLanes)
    multiply_block<2>(a, a_pitch, b + c, columns, rows, depth, result + c, columns);
  if (c < columns) multiply_block<1>(a, a_pitch, b + c, columns, rows, depth, result + c, columns);
}

/// Reduces a vector to one value; combine(a, b) changes a. By halves, in registers: compilers leave maxima
/// and sums of floats in order, and sixteen in a row take longer than the rest of a short row's work.
template <class Combine>
REEL_INLINE float reduce(const Lanes& lanes, Combine combine) {
  using Half = float __attribute__((vector_size(32)));
  using Quarter = float __attribute__((vector_size(16)));
  Half halves[2];
  std::memcpy(halves, &lanes, sizeof lanes);
  combine(halves[0], halves[1]);
  Quarter quarters[2];
  std::memcpy(quarters, halves, sizeof halves[0]);
  combine(quarters[0], quarters[1]);
  float values[4];
  std::memcpy(values, quarters, sizeof values);
  combine(values[0], values[2]), combine(values[1], values[3]), combine(values[0], values[1]);
  return values[0];
}

/// The largest of `span` values, a whole number of vectors.
REEL_INLINE float largest_of(const float* row, int64_t span) {
  const auto raise = [](auto& a, const auto& b) { a = a < b ? b : a; };
  Lanes largest, lanes;
  std::memcpy(&largest, row, sizeof largest);
  for (int64_t j = kLanes; j < span; j += kLanes) {
    std::memcpy(&lanes, row + j, sizeof lanes);
    raise(largest, lanes);
  }
  return reduce(largest, raise);
}

/// The sum of `span` values or of their squares, a whole number of vectors.
template <bool Squares>
REEL_INLINE float sum_of(const float* row, int64_t span) {
  Lanes sum = {}, lanes;
  for (int64_t j = 0; j < span; j += kLanes) {
    std::memcpy(&lanes, row + j, sizeof lanes);
    sum += Squares ? lanes * lanes : lanes;
  }
  return reduce(sum, [](auto& a, const auto& b) { a += b; });
}

/// Each row of the map: e^(x - largest) over its first m values, divided by their sum; zeros behind them.
/// With a `band` (band[x] of the distance x, for queries from `first` on), the row's largest value times it
/// is added before.
REEL_MULTIVERSION void softmax_rows(float* map, int64_t rows, int64_t m, int64_t span, const float* band,
                                    int64_t first) {
  for (int64_t x = 0; x < rows; ++x) {
    float* row = map + x * span;
    for (int64_t j = m; j < span; ++j) row[j] = -std::numeric_limits<float>::infinity();
    float largest = largest_of(row, span);
    if (band) {
      const float* own = band - (first + x);
      for (int64_t j = 0; j < m; ++j) row[j] += largest * own[j];
      largest = largest_of(row, span);
    }
    for (int64_t j = 0; j < span; ++j) row[j] = fast_exp(row[j] - largest);
    const float inverse = 1.0F / sum_of</*Squares=*/false>(row, span);
    for (int64_t j = 0; j < span; ++j) row[j] *= inverse;
    for (int64_t j = m; j < span; ++j) row[j] = 0;
  }
}

/// map += alpha weight (anchor - map) for anchor rows of m values.
REEL_MULTIVERSION void draw(float* map, int64_t rows, int64_t m, int64_t span, const float* anchor,
                            float alpha) {
  for (int64_t x = 0; x < rows; ++x) {
    for (int64_t j = 0; j < m; ++j) map[x * span + j] += alpha * anchor[x * m + j];
  }
}

REEL_MULTIVERSION void subtract_means(const float* map, int64_t rows, int64_t m, int64_t span, float* high) {
  for (int64_t x = 0; x < rows; ++x) {
    const float mean = sum_of</*Squares=*/false>(map + x * span, span) / static_cast<float>(m);
    for (int64_t j = 0; j < m; ++j) high[x * span + j] = map[x * span + j] - mean;
    for (int64_t j = m; j < span; ++j) high[x * span + j] = 0;
  }
}

REEL_MULTIVERSION void add_scaled(float* map, const float* high, int64_t size, float factor) {
  for (int64_t j = 0; j < size; ++j) map[j] += factor * high[j];
}

REEL_MULTIVERSION void multiply_by(float* map, int64_t size, float factor) {
  for (int64_t j = 0; j < size; ++j) map[j] *= factor;
}

/// Sum of squares of rows of `span` values: each row in f32, the rows in f64.
REEL_MULTIVERSION double sum_of_squares(const float* map, int64_t rows, int64_t span) {
  double total = 0;
  for (int64_t x = 0; x < rows; ++x) {
    total += sum_of</*Squares=*/true>(map + x * span, span);
  }
  return total;
}

float* floats(std::vector<Lanes>& lanes) { return reinterpret_cast<float*>(lanes.data()); }
const float* floats(const std::vector<Lanes>& lanes) { return reinterpret_cast<const float*>(lanes.data()); }

/// Reads rows of a tensor of any floating type.
void read(const at::Tensor& t, int64_t offset, int64_t rows, int64_t width, float scale, float* to) {
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, t.scalar_type(), "frame_attention", [&] {
    read_rows(t.const_data_ptr<scalar_t>() + offset, t.stride(3), rows, t.size(4), width, scale, to);
  });
}

}  // namespace

FrameMapTables::FrameMapTables(const FrameMapEdit& given, int64_t frames) : edit(given) {
  if (edit.anchor.defined()) edit.anchor = edit.anchor.to(at::kFloat);
  const auto distance = [](const at::Tensor& table, int64_t x) {
    return table.const_data_ptr<float>()[std::abs(x)];
  };
  if (edit.band.defined()) {
    for (int64_t x = 1 - frames; x < frames; ++x) band.push_back(distance(edit.band, x));
  }
  if (edit.high.defined()) {
    const int64_t span = padded(frames);
    high.resize(size_t(frames * span / kLanes));
    for (int64_t i = 0; i < frames; ++i) {
      for (int64_t j = 0; j < frames; ++j) floats(high)[i * span + j] = distance(edit.high, i - j);
    }
  }
}

FrameMaps::FrameMaps(int64_t queries, int64_t keys, int64_t d, const FrameMapTables& tables)
    : tables_(tables),
      keys_(keys),
      d_(d),
      width_(padded(d)),
      span_(padded(keys)),
      query_(size_t(std::min(queries, kQueries) * width_ / kLanes)),
      key_(size_t(width_ * span_ / kLanes)),
      value_(size_t(keys * width_ / kLanes)),
      map_(size_t(std::min(queries, kQueries) * span_ / kLanes)) {}

void FrameMaps::load_keys(const at::Tensor& k, const Sequence& sequence) {
  read(k, sequence.offset(k), keys_, width_, 1.0F, floats(value_));  // the values have served or come later
  transpose(floats(value_), keys_, d_, width_, span_, floats(key_));
}

void FrameMaps::load_values(const at::Tensor& v, const Sequence& sequence) {
  read(v, sequence.offset(v), keys_, width_, 1.0F, floats(value_));
}

void FrameMaps::form(const at::Tensor& q, const Sequence& sequence, int64_t first, int64_t count,
                     float scale) {
  first_ = first, count_ = count;
  read(q, sequence.offset(q) + first * q.stride(3), count, width_, scale, floats(query_));
  multiply(floats(query_), width_, floats(key_), span_, count, d_, floats(map_));
  const float* band = tables_.band.empty() ? nullptr : tables_.band.data() + keys_ - 1;
  softmax_rows(floats(map_), count, keys_, span_, band, first);
}

void FrameMaps::guide(const Sequence& sequence) {
  const FrameMapEdit& edit = tables_.edit;
  if (!edit.anchor.defined()) return;
  const float alpha = static_cast<float>(edit.alpha);
  const int64_t neighbours = edit.places.size(1);
  const int* places = edit.places.const_data_ptr<int>() + sequence.group * neighbours;
  const float* weights = edit.weights.const_data_ptr<float>() + sequence.group * neighbours;
  multiply_by(floats(map_), count_ * span_, 1.0F - alpha);
  for (int64_t n = 0; n < neighbours; ++n) {
    const float* anchor = edit.anchor.const_data_ptr<float>() + sequence.row * edit.anchor.stride(0) +
                          places[n] * edit.anchor.stride(1) + sequence.head * edit.anchor.stride(2) +
                          first_ * keys_;
    draw(floats(map_), count_, keys_, span_, anchor, alpha * weights[n]);
  }
}

void FrameMaps::find_high() {
  high_.resize(map_.size());
  if (tables_.high.empty()) {
    subtract_means(floats(map_), count_, keys_, span_, floats(high_));
  } else {
    multiply(floats(map_), span_, floats(tables_.high), span_, count_, keys_, floats(high_));
  }
}

void FrameMaps::raise(float gain) {
  find_high();
  add_scaled(floats(map_), floats(high_), count_ * span_, gain - 1.0F);
}

void FrameMaps::answer(const at::Tensor& result, const Sequence& sequence) {
  multiply(floats(map_), span_, floats(value_), width_, count_, keys_,
           floats(query_));  // queries have served
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, result.scalar_type(), "frame_attention", [&] {
    write_rows(floats(query_), width_, count_, d_,
               result.mutable_data_ptr<scalar_t>() + sequence.offset(result) + first_ * result.stride(3),
               result.stride(3));
  });
}

double FrameMaps::energy() const { return sum_of_squares(floats(map_), count_, span_); }

double FrameMaps::high_energy() {
  find_high();
  return sum_of_squares(floats(high_), count_, span_);
}

void FrameMaps::copy_to(float* rows) const {
  for (int64_t x = 0; x < count_; ++x)
    std::copy_n(floats(map_) + x * span_, keys_, rows + (first_ + x) * keys_);
}

}  // namespace reel::attention
