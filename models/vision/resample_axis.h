// One axis of Pillow's resize: which inputs make an output, and with what weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace reel::models {

/// Pillow's filters, under the numbers that a preprocessor_config.json gives them (`resample`).
enum class Filter { kNearest = 0, kLanczos = 1, kBilinear = 2, kBicubic = 3, kBox = 4, kHamming = 5 };

/// Weights are whole numbers of 2^-22: sums of weighted bytes, with overshoot, fit 32 bits.
constexpr int kWeightBits = 32 - 8 - 2;

/// How a line of `canvas` values, of which the picture has `length` from `start` on, becomes one of `size`.
struct ResampledLine {
  int64_t canvas, start, length, size;
};

/// One output value: a run of input values in the picture, and the sum of the weights of those beside it.
struct Taps {
  int64_t begin = 0, count = 0;
  size_t weights = 0;  // index of the first
  int32_t outside = 0;
};

/// Taps for the outputs `begin` to `begin + count`. Source: Pillow's src/libImaging/Resample.c (and Geometry.c for kNearest).
class ResampleAxis {
 public:
  ResampleAxis(const ResampledLine& line, int64_t begin, int64_t count, Filter filter);

  const std::vector<Taps>& taps() const { return taps_; }
  const int32_t* weights(const Taps& taps) const { return weights_.data() + taps.weights; }

  /// The inputs in the picture that some output reads: first() to last(), which is not among them.
  int64_t first() const { return first_; }
  int64_t last() const { return last_; }

 private:
  void add(const ResampledLine& line, int64_t output, Filter filter);
  void put(const ResampledLine& line, int64_t low, const std::vector<double>& values);
  void add_nearest(const ResampledLine& line, int64_t begin, int64_t count);

  std::vector<Taps> taps_;
  std::vector<int32_t> weights_;
  std::vector<double> values_;  // of one output, kept for its memory
  int64_t first_ = 0, last_ = 0;
};

}  // namespace reel::models
