#include "models/ops/layer_norm.h"

#include <gtest/gtest.h>

#include "models/layers/linear.h"
#include "models/layers/norm.h"

namespace reel::models::layer_norm_test {

struct Case {
  std::vector<int64_t> shape;
  at::ScalarType dtype;
  double tolerance;  // absolute, on values of order one
};

void PrintTo(const Case& c, std::ostream* out) { *out << at::IntArrayRef(c.shape) << ", " << c.dtype; }

class LayerNormOperator : public testing::TestWithParam<std::tuple<at::DeviceType, Case>> {};

at::Tensor in_double(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::layer_norm(x.to(at::kDouble), {x.size(-1)}, weight.to(at::kDouble), bias.to(at::kDouble), 1e-5);
}

TEST_P(LayerNormOperator, EqualsTheDefinitionInDouble) {
  const auto& [device, c] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  at::manual_seed(5);
  const int64_t width = c.shape.back();
  const auto random = [&, device = device, dtype = c.dtype](at::IntArrayRef shape) {
    return at::randn(shape).to(dtype).to(device);
  };
  const at::Tensor x = random(c.shape) * 3 + 20, weight = random({width}), bias = random({width});
  const auto error = [](const at::Tensor& a, const at::Tensor& b) {
    return (a.to(at::kDouble) - b).abs().max().item<double>();
  };
  const at::Tensor expected = in_double(x, weight, bias);
  const at::Tensor y = layer_norm(x, weight, bias, {}, 1e-5);
  EXPECT_EQ(y.scalar_type(), c.dtype);
  EXPECT_LE(error(y, expected), c.tolerance);
  if (c.shape.size() != 4) return;
  const at::Tensor positions = random({c.shape[1], width});
  EXPECT_LE(
      error(layer_norm(x, weight, bias, positions, 1e-5), expected + positions.to(at::kDouble).unsqueeze(1)),
      c.tolerance);
}

INSTANTIATE_TEST_SUITE_P(Shapes, LayerNormOperator,
                         testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                                          testing::Values(Case{{2, 5, 130, 96}, at::kFloat, 2e-5},
                                                          Case{{1, 3, 1, 17}, at::kFloat, 2e-5},
                                                          Case{{7, 1280}, at::kFloat, 2e-5},
                                                          Case{{3, 5}, at::kFloat, 2e-5},
                                                          Case{{2, 4, 70, 40}, at::kBFloat16, 8e-2},
                                                          Case{{2, 4, 70, 40}, at::kHalf, 1e-2})));

TEST(LayerNormOperatorTest, NeedsNoWeights) {
  const at::Tensor x = at::randn({4, 33}), none;
  EXPECT_LE((layer_norm(x, none, none, none, 1e-5) - at::layer_norm(x, {33})).abs().max().item<double>(),
            1e-5);
}

TEST(LayerNormOperatorTest, RefusesPositionsOfOtherFrames) {
  const at::Tensor x = at::randn({1, 3, 2, 8}), one = at::ones({8});
  EXPECT_THROW(layer_norm(x, one, one, at::zeros({4, 8}), 1e-5), c10::Error);
}

TEST(LinearTest, AddsToAResidualWhatItWouldReturn) {
  at::manual_seed(6);
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const int64_t rows : {3, 300}) {  // few rows and many take different ways
      for (const bool with_bias : {true, false}) {
        const Linear linear{at::randn({24, 40}).to(dtype),
                            with_bias ? at::randn({24}).to(dtype) : at::Tensor()};
        const at::Tensor x = at::randn({2, rows, 40}).to(dtype), before = at::randn({2, rows, 24}).to(dtype);
        const at::Tensor residual = before.clone();
        linear.add_to(residual, x);
        const at::Tensor expected =
            before.to(at::kDouble) + at::linear(x.to(at::kDouble), linear.weight.to(at::kDouble),
                                                with_bias ? linear.bias.to(at::kDouble) : at::Tensor());
        const double tolerance = dtype == at::kFloat ? 1e-4 : dtype == at::kHalf ? 5e-2 : 2e-1;
        EXPECT_LE((residual.to(at::kDouble) - expected).abs().max().item<double>(), tolerance)
            << dtype << ", " << rows << " rows";
        EXPECT_LE((linear(x).to(at::kDouble) + before.to(at::kDouble) - expected).abs().max().item<double>(),
                  tolerance);
      }
    }
  }
}

}  // namespace reel::models::layer_norm_test
