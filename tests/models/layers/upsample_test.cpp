#include "models/layers/upsample.h"

#include <gtest/gtest.h>

#include "models/files/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::upsample_test {

/// Loads `weight` [out, in, 3, 3] and `bias` as a layer's file would hold them.
UpsampleConv load(const at::Tensor& weight, const at::Tensor& bias) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "model.safetensors").string();
  write_safetensors(file, {{"weight", weight}, {"bias", bias}});
  LoadOptions options;
  options.dtype = weight.scalar_type();
  return UpsampleConv::load(Weights(Checkpoint::open(file), options), weight.size(1), weight.size(0));
}

double error(const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& x, int64_t height,
             int64_t width) {
  const at::Tensor larger = at::upsample_nearest2d(x.to(at::kDouble).permute({0, 3, 1, 2}), {height, width});
  const at::Tensor expected =
      at::conv2d(larger, weight.to(at::kDouble), bias.to(at::kDouble), 1, 1).permute({0, 2, 3, 1});
  const at::Tensor y = load(weight, bias)(x, height, width);
  EXPECT_EQ(y.sizes(), expected.sizes());
  EXPECT_TRUE(y.is_contiguous());
  return (y.to(at::kDouble) - expected).abs().max().item<double>();
}

TEST(UpsampleConvTest, EqualsTheConvolutionOfTheDoubledMap) {
  at::manual_seed(11);
  const at::Tensor weight = at::randn({6, 5, 3, 3}) / 7, bias = at::randn({6});
  const at::Tensor x = at::randn({2, 4, 7, 5});
  EXPECT_LE(error(weight, bias, x, 8, 14), 5e-6);
  EXPECT_LE(error(weight, bias, at::randn({1, 1, 1, 5}), 2, 2), 5e-6);
}

TEST(UpsampleConvTest, LeavesOutALastRowOrColumn) {
  at::manual_seed(12);
  const at::Tensor weight = at::randn({4, 3, 3, 3}) / 5, bias = at::randn({4});
  const at::Tensor x = at::randn({2, 4, 3, 3});
  for (const auto& [height, width] : {std::pair{7, 6}, {8, 5}, {7, 5}})
    EXPECT_LE(error(weight, bias, x, height, width), 5e-6) << height << "x" << width;
}

TEST(UpsampleConvTest, TakesHalfPrecisionWeights) {
  at::manual_seed(13);
  const at::Tensor weight = (at::randn({4, 8, 3, 3}) / 8).to(at::kBFloat16),
                   bias = at::randn({4}).to(at::kBFloat16);
  EXPECT_LE(error(weight, bias, at::randn({1, 3, 3, 8}).to(at::kBFloat16), 6, 6), 4e-2);
}

TEST(UpsampleConvTest, RefusesOtherSizes) {
  const at::Tensor weight = at::zeros({1, 1, 3, 3}), bias = at::zeros({1});
  EXPECT_THROW(load(weight, bias)(at::zeros({1, 2, 2, 1}), 4, 5), c10::Error);
}

}  // namespace reel::models::upsample_test
