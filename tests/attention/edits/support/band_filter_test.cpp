#include "attention/edits/support/band_filter.h"

#include <gtest/gtest.h>

namespace reel::attention::band_filter_test {

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

int64_t bins(int64_t frames, int64_t tau) {
  int64_t count = 0;
  for (int64_t k = 0; k < frames; ++k) count += std::min(k, frames - k) >= frames / 2 - tau;
  return count;
}

TEST(BandFilterTest, IsASymmetricProjectorWithoutTheMean) {
  for (const auto& [frames, tau] :
       {std::pair{16, 7}, {16, 3}, {24, 7}, {2, 0}, {3, 0}, {9, 2}, {33, 15}, {64, 7}}) {
    const at::Tensor p = high_band(frames, tau);
    EXPECT_LE(largest(at::matmul(p, p) - p), 1e-12) << frames << ", " << tau;
    EXPECT_LE(largest(p - p.t()), 1e-12);
    EXPECT_LE(largest(p.sum(0)), 1e-12);
    EXPECT_NEAR(at::trace(p).item<double>(), double(bins(frames, tau)), 1e-9);
  }
}

TEST(BandFilterTest, KeepsWhatAFourierTransformKeeps) {
  at::manual_seed(2);
  for (const auto& [frames, tau] : {std::pair{16, 7}, {12, 2}, {15, 3}}) {
    const at::Tensor row = at::rand({5, frames}, at::kDouble);
    at::Tensor spectrum = at::fft_fft(row);
    for (int64_t k = 0; k < frames; ++k) {
      if (std::min<int64_t>(k, frames - k) < frames / 2 - tau) spectrum.select(1, k).zero_();
    }
    EXPECT_LE(largest(at::real(at::fft_ifft(spectrum)) - at::matmul(row, high_band(frames, tau))), 1e-12);
  }
}

TEST(BandFilterTest, AllButTheMeanIsTheContrast) {
  const at::Tensor expected = at::eye(16, at::kDouble) - 1.0 / 16;
  EXPECT_LE(largest(high_band(16, 7) - expected), 1e-12);
}

TEST(BandFilterTest, RefusesABandThatReachesTheMean) {
  EXPECT_THROW(high_band(16, 8), std::invalid_argument);
  EXPECT_THROW(high_band(17, 8), std::invalid_argument);
  EXPECT_THROW(high_band(4, -1), std::invalid_argument);
}

}  // namespace reel::attention::band_filter_test
