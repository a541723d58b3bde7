// RMS norm against its definition, in every type.
#include "models/ops/rms_norm.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"

namespace reel::models::rms_norm_test {

/// What transformers' LlamaRMSNorm does, step by step.
at::Tensor by_definition(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor normed = wide * at::rsqrt(wide.square().mean(-1, true) + eps);
  return weight * normed.to(x.scalar_type());
}

class RmsNormTest : public testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType>> {};

TEST_P(RmsNormTest, EqualsItsDefinition) {
  const auto [device, dtype] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  at::manual_seed(4);
  for (const int64_t width : {1, 7, 16, 40, 576, 4096}) {
    const at::Tensor x = (at::randn({3, 5, width}) * 4).to(dtype).to(device),
                     weight = at::randn({width}).to(dtype).to(device);
    // A half may round the other way, once in the norm and once in the product.
    const double rounding = dtype == at::kFloat ? 2e-6 : dtype == at::kHalf ? 2e-3 : 1.6e-2;
    EXPECT_TRUE(close(rms_norm(x, weight, 1e-5), by_definition(x, weight, 1e-5), rounding, rounding))
        << width;
  }
}

TEST_P(RmsNormTest, GivesARowWhatItGivesAloneBitForBit) {
  const auto [device, dtype] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  for (const int64_t width : {7, 40, 576, 4096}) {
    const at::Tensor x = at::randn({37, 1, width}).to(dtype).to(device),
                     weight = at::randn({width}).to(dtype).to(device);
    const at::Tensor together = rms_norm(x, weight, 1e-6);
    for (int64_t r = 0; r < x.size(0); ++r)
      EXPECT_TRUE(at::equal(rms_norm(x.narrow(0, r, 1).clone(), weight, 1e-6), together.narrow(0, r, 1)));
  }
}

INSTANTIATE_TEST_SUITE_P(Types, RmsNormTest,
                         testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                                          testing::Values(at::kFloat, at::kHalf, at::kBFloat16)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) == at::kCUDA ? "cuda_" : "cpu_") +
                                  c10::toString(std::get<1>(info.param));
                         });

TEST(RmsNormTest, RefusesOtherShapes) {
  EXPECT_THROW(rms_norm(at::zeros({4, 3}).t(), at::ones({4}), 1e-6), c10::Error) << "not contiguous";
  EXPECT_THROW(rms_norm(at::zeros({4, 3}), at::ones({4}), 1e-6), c10::Error);
  EXPECT_THROW(rms_norm(at::zeros({4, 3}), at::ones({3}, at::kHalf), 1e-6), c10::Error);
  EXPECT_EQ(rms_norm(at::zeros({0, 3}), at::ones({3}), 1e-6).sizes(), (std::vector<int64_t>{0, 3}));
}

}  // namespace reel::models::rms_norm_test
