// Products whose bits do not depend on the rows beside a row, nor on where it stands.
#include "models/layers/linear.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

namespace reel::models::linear_test {

TEST(LinearBatchLawTest, ARowGivesTheSameBitsWhereverItStands) {
  at::manual_seed(1);
  // Remainders of the tiles of every instruction set: MKL takes 4, 6, 12, 16 or 48 positions at a time.
  for (const int64_t positions : {1, 2, 3, 4, 5, 6, 7, 16, 31, 64, 127})
    for (const int64_t rows_at_once : {1, 2}) {
      const at::Tensor x = at::randn({5, positions, 40}), weight = at::randn({24, 40}),
                       bias = at::randn({24});
      const Linear linear{.weight = weight, .bias = bias, .rows_at_once = rows_at_once};
      const at::Tensor together = linear(x);
      EXPECT_LE((together - at::linear(x, weight, bias)).abs().max().item<double>(), 1e-4);
      EXPECT_TRUE(at::equal(linear(x.flip(0)).flip(0), together)) << positions << " positions, flipped";
      for (int64_t r = 0; r < 5; ++r)
        EXPECT_TRUE(at::equal(linear(x.narrow(0, r, 1)), together.narrow(0, r, 1)))
            << positions << ", row " << r;
      at::Tensor sum = at::ones_like(together);
      linear.add_to(sum, x);
      EXPECT_LE((sum - 1 - together).abs().max().item<double>(), 1e-4);
    }
}

struct Tiles : testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType>> {};

TEST_P(Tiles, GiveARowTheSameBitsWhereverItStands) {
  const auto [device, type] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  at::manual_seed(1);
  const auto random = [&](at::IntArrayRef sizes) { return at::randn(sizes).to(type).to(device); };
  // The library's product of an f32 row on a CPU depends on where it stands in a tile; a GPU's does not.
  const double bound = device == at::kCUDA && type == at::kFloat ? 0 : 2e-2;
  for (const int64_t positions : {1, 3, 31, 32, 100}) {
    const at::Tensor x = random({7, positions, 96}), weight = random({160, 96}), bias = random({160});
    const at::Tensor together = product_in_tiles(x, weight, bias, kDecodeTile);
    const double size = together.abs().max().item<double>();
    EXPECT_EQ(together.sizes(), (at::IntArrayRef{7, positions, 160}));
    EXPECT_LE((together - at::linear(x, weight, bias)).abs().max().item<double>(), 2e-2 * size);
    for (int64_t r = 0; r < 7; ++r) {
      const at::Tensor alone = product_in_tiles(x.narrow(0, r, 1), weight, bias, kDecodeTile);
      EXPECT_LE((alone - together.narrow(0, r, 1)).abs().max().item<double>(), bound * size)
          << positions << " positions, row " << r;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Tiles,
                         testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                                          testing::Values(at::kFloat, at::kHalf)));

}  // namespace reel::models::linear_test
