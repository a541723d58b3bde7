#include "models/vision/resample.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/support/golden.h"

namespace reel::models::resample_test {

using testing::HasSubstr;

/// Fixed bytes that do not repeat.
at::Tensor noise(int64_t height, int64_t width) {
  return (at::arange(height * width * 3, at::kDouble) * 12.9898)
      .sin()
      .mul(43758.5453)
      .frac()
      .abs()
      .mul(256)
      .floor()
      .to(at::kByte)
      .view({height, width, 3});
}

/// The picture on its canvas, formed.
at::Tensor placed(const at::Tensor& picture, const Canvas& canvas) {
  at::Tensor all = at::empty({canvas.size.height, canvas.size.width, 3}, at::kByte);
  for (int64_t c = 0; c < 3; ++c) all.select(2, c).fill_(canvas.colour[static_cast<size_t>(c)]);
  all.narrow(0, canvas.top, picture.size(0)).narrow(1, canvas.left, picture.size(1)).copy_(picture);
  return all;
}

TEST(ResampleTest, EqualsPillowToTheByte) {
  const Golden golden("image_processors/pictures.safetensors");
  int64_t compared = 0, values = 0;
  for (const std::string& name : golden.names()) {
    const size_t slash = name.find("/expected_");
    if (slash == std::string::npos) continue;
    int filter = 0, height = 0, width = 0;
    ASSERT_EQ(std::sscanf(name.c_str() + slash, "/expected_%d_%dx%d", &filter, &height, &width), 3) << name;
    const at::Tensor resized =
        resample(golden[name.substr(0, slash)], {height, width}, static_cast<Filter>(filter));
    EXPECT_TRUE(at::equal(resized, golden[name])) << name;
    ++compared, values += resized.numel();
  }
  EXPECT_EQ(compared, 8 * 6 * 3);
  EXPECT_GT(values, 70000);
}

TEST(ResampleTest, TheSameSizeChangesNothing) {
  const at::Tensor picture = noise(13, 7);
  for (int filter = 0; filter < 6; ++filter)
    EXPECT_TRUE(at::equal(resample(picture, {13, 7}, static_cast<Filter>(filter)), picture)) << filter;
}

TEST(ResampleTest, AWindowIsAPartOfTheWhole) {
  const at::Tensor picture = noise(61, 47);
  for (int filter = 0; filter < 6; ++filter) {
    for (const Size size : {Size{20, 15}, Size{90, 130}, Size{61, 15}}) {
      const at::Tensor whole = resample(picture, size, static_cast<Filter>(filter));
      const Window window{size.height / 3, size.width / 4, size.height / 2, size.width / 3};
      const at::Tensor part =
          resample(picture, {.size = {61, 47}}, size, window, static_cast<Filter>(filter));
      EXPECT_TRUE(
          at::equal(part, whole.narrow(0, window.top, window.height).narrow(1, window.left, window.width)))
          << filter << " " << size.height;
    }
  }
}

TEST(ResampleTest, ACanvasNeedNotBeFormed) {
  const at::Tensor picture = noise(19, 50);
  const Canvas canvas{{55, 52}, 11, 1, {122, 116, 104}};
  for (int filter = 0; filter < 6; ++filter) {
    for (const Size size : {Size{24, 24}, Size{100, 70}, Size{55, 52}, Size{55, 9}, Size{7, 52}}) {
      const at::Tensor formed = resample(placed(picture, canvas), size, static_cast<Filter>(filter));
      const at::Tensor not_formed =
          resample(picture, canvas, size, {0, 0, size.height, size.width}, static_cast<Filter>(filter));
      EXPECT_TRUE(at::equal(not_formed, formed)) << filter << " " << size.height << "x" << size.width;
    }
  }
}

// Weights of many inputs are small integers, so that one colour need not stay what it is: Pillow's rounding, too.
TEST(ResampleTest, ACanvasOfHugeStripsRoundsAsIfFormed) {
  const at::Tensor picture = noise(1, 40000);
  const Canvas canvas{{3, 60000}, 1, 15000, {255, 128, 3}};
  const at::Tensor formed = resample(placed(picture, canvas), {2, 5}, Filter::kLanczos);
  EXPECT_TRUE(at::equal(resample(picture, canvas, {2, 5}, {0, 0, 2, 5}, Filter::kLanczos), formed));
}

TEST(ResampleTest, WhatIsNotNeededIsNotComputed) {
  // 336 x 336,000,000 pixels, had they been asked for.
  const at::Tensor strip = noise(1, 1'000'000);
  const at::Tensor middle = resample(strip, {.size = {1, 1'000'000}}, {336, 336'000'000},
                                     {0, 168'000'000 - 168, 336, 336}, Filter::kBicubic);
  EXPECT_EQ(middle.sizes(), at::IntArrayRef({336, 336, 3}));
  // A square of a side of a million, had it been formed.
  const at::Tensor squared = resample(strip, {{1'000'000, 1'000'000}, 499'999, 0, {9, 8, 7}}, {16, 16},
                                      {0, 0, 16, 16}, Filter::kBicubic);
  EXPECT_EQ(squared[0][3][1].item<int>(), 8);
}

TEST(ResampleTest, RefusesWhatDoesNotFit) {
  const at::Tensor picture = noise(4, 5);
  const auto refusal = [&](const at::Tensor& given, const Canvas& canvas, Size size, const Window& window) {
    try {
      resample(given, canvas, size, window, Filter::kBox);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const Canvas own{.size = {4, 5}};
  EXPECT_EQ(refusal(picture, own, {2, 2}, {0, 0, 2, 2}), "");
  EXPECT_THAT(refusal(picture.to(at::kFloat), own, {2, 2}, {0, 0, 2, 2}), HasSubstr("uint8 [H, W, 3]"));
  EXPECT_THAT(refusal(picture.transpose(0, 1), own, {2, 2}, {0, 0, 2, 2}), HasSubstr("contiguous"));
  EXPECT_THAT(refusal(picture, {.size = {4, 4}}, {2, 2}, {0, 0, 2, 2}), HasSubstr("on its canvas"));
  EXPECT_THAT(refusal(picture, {{9, 9}, 6, 0}, {2, 2}, {0, 0, 2, 2}), HasSubstr("on its canvas"));
  EXPECT_THAT(refusal(picture, own, {2, 2}, {1, 0, 2, 2}), HasSubstr("window"));
  EXPECT_THAT(refusal(picture, own, {0, 2}, {0, 0, 1, 2}), HasSubstr("1 to 2^31"));
  EXPECT_THAT(refusal(picture, own, {int64_t{1} << 31, 2}, {0, 0, 1, 2}), HasSubstr("1 to 2^31"));
}

}  // namespace reel::models::resample_test
