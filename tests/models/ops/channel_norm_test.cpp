#include "models/ops/channel_norm.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace reel::models::channel_norm_test {

struct Case {
  std::vector<int64_t> shape;  // [N, H, W, C]
  int64_t groups;
  at::ScalarType dtype;
  double tolerance;  // absolute, on values of order one
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << at::IntArrayRef(c.shape) << ", " << c.groups << " groups, " << c.dtype;
}

class GroupNormChannelsLast : public testing::TestWithParam<std::tuple<at::DeviceType, Case>> {};

at::Tensor reference(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t groups,
                     bool silu) {
  const at::Tensor y = at::group_norm(x.to(at::kDouble).permute({0, 3, 1, 2}), groups, weight.to(at::kDouble),
                                      bias.to(at::kDouble), 1e-5);
  return (silu ? at::silu(y) : y).permute({0, 2, 3, 1});
}

TEST_P(GroupNormChannelsLast, EqualsTheDefinitionInDouble) {
  const auto& [device, c] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  at::manual_seed(3);
  const at::Tensor x = (at::randn(c.shape) * 2 + 0.7).to(c.dtype).to(device),
                   weight = at::randn({c.shape[3]}).to(c.dtype).to(device),
                   bias = at::randn({c.shape[3]}).to(c.dtype).to(device);
  for (const bool silu : {false, true}) {
    const at::Tensor y = group_norm_channels_last(x, weight, bias, c.groups, 1e-5, silu);
    EXPECT_EQ(y.scalar_type(), c.dtype);
    EXPECT_LE((y.to(at::kDouble) - reference(x, weight, bias, c.groups, silu)).abs().max().item<double>(),
              c.tolerance)
        << "silu " << silu;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, GroupNormChannelsLast,
                         testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                                          testing::Values(Case{{2, 16, 16, 96}, 32, at::kFloat, 1e-5},
                                                          Case{{3, 1, 1, 8}, 4, at::kFloat, 1e-5},
                                                          Case{{1, 7, 13, 30}, 5, at::kFloat, 1e-5},
                                                          Case{{2, 256, 16, 12}, 3, at::kFloat, 1e-5},
                                                          Case{{2, 9, 8, 20}, 20, at::kFloat, 1e-5},
                                                          Case{{2, 8, 8, 64}, 32, at::kBFloat16, 4e-2},
                                                          Case{{3, 4, 4, 2560}, 32, at::kHalf, 1e-2},
                                                          Case{{1, 40, 33, 30}, 5, at::kHalf, 1e-2},
                                                          Case{{2, 8, 8, 64}, 32, at::kHalf, 5e-3})));

TEST(GroupNormChannelsLastTest, GivesTheSameBitsForAnyNumberOfThreads) {
  const at::Tensor x = at::randn({2, 40, 40, 32}), weight = at::randn({32}), bias = at::randn({32});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = group_norm_channels_last(x, weight, bias, 8, 1e-5, true);
  at::set_num_threads(4);
  const at::Tensor four = group_norm_channels_last(x, weight, bias, 8, 1e-5, true);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, four));
}

TEST(GroupNormChannelsLastTest, KeepsItsAccuracyFarFromZero) {
  const at::Tensor x = at::randn({1, 64, 64, 16}) + 100, weight = at::ones({16}), bias = at::zeros({16});
  const at::Tensor y = group_norm_channels_last(x, weight, bias, 4, 1e-5, false);
  EXPECT_LE((y.to(at::kDouble) - reference(x, weight, bias, 4, false)).abs().max().item<double>(), 1e-3);
}

class Geglu : public testing::TestWithParam<at::DeviceType> {};

TEST_P(Geglu, EqualsTheDefinitionInDouble) {
  if (GetParam() == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  at::manual_seed(3);
  // Relative to 1 + |result|: half an ulp of the dtype; in f32 the error function's 1.5e-7, times |a b| / 2.
  for (const auto& [dtype, tolerance] :
       {std::pair{at::kFloat, 2e-6}, {at::kBFloat16, 4e-3}, {at::kHalf, 5e-4}}) {
    for (const int64_t inner : {37, 40}) {  // an odd width, and one of whole vectors
      const at::Tensor x = (at::randn({3, 5, 2 * inner}) * 2).to(dtype).to(GetParam()), d = x.to(at::kDouble);
      const at::Tensor expected = d.narrow(-1, 0, inner) * at::gelu(d.narrow(-1, inner, inner));
      const at::Tensor error = (geglu(x).to(at::kDouble) - expected).abs() / (1 + expected.abs());
      EXPECT_LE(error.max().item<double>(), tolerance) << dtype;
    }
  }
  const at::Tensor far = at::full({1, 2}, -50.0F).to(GetParam());
  EXPECT_EQ(geglu(far).item<float>(), 0.0F) << "gelu of far negatives is zero, not NaN";
}

INSTANTIATE_TEST_SUITE_P(Devices, Geglu, testing::Values(at::kCPU, at::kCUDA), [](const auto& info) {
  return at::DeviceTypeName(info.param, /*lower_case=*/true);
});

}  // namespace reel::models::channel_norm_test
