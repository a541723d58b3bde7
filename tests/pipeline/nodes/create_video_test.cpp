// CreateVideo: where values become bytes.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"

namespace reel::pipeline::create_video_test {

using testing::ElementsAre;

media::Frames video(const at::Tensor& pixels, double fps = 8) {
  return NodeBench().get<media::Frames>("CreateVideo", {{"images", Images{pixels}}, {"fps", fps}});
}

TEST(CreateVideoTest, Declares) {
  EXPECT_THAT(NodeBench().sockets("CreateVideo"),
              ElementsAre("images: IMAGE", "fps: FLOAT = 8 in 0.01 to 1000", "-> VIDEO"));
}

TEST(CreateVideoTest, RoundsToTheNearestByte) {
  const at::Tensor bytes = at::arange(256, at::kLong).view({1, 16, 16, 1}).expand({1, 16, 16, 3});
  for (const double off : {-0.45, 0.0, 0.45}) {
    const at::Tensor pixels = ((bytes.to(at::kDouble) + off) / 255).clamp(0, 1).to(at::kFloat);
    const media::Frames frames = video(pixels);
    EXPECT_EQ(frames.pixels.scalar_type(), at::kByte);
    EXPECT_TRUE(at::equal(frames.pixels.to(at::kLong), bytes)) << off;
  }
}

TEST(CreateVideoTest, KeepsFramesInPlaceAndTheRate) {
  // [F, H, W, 3] as a view of channels-first pictures, which is how a decoder may hand them on.
  const at::Tensor pixels =
      (at::arange(2 * 3 * 4 * 5, at::kFloat) / 255).view({2, 3, 4, 5}).permute({0, 2, 3, 1});
  const media::Frames frames = video(pixels, 12.5);
  EXPECT_EQ(frames.fps, 12.5);
  ASSERT_EQ(frames.pixels.sizes(), at::IntArrayRef({2, 4, 5, 3}));
  EXPECT_TRUE(frames.pixels.is_contiguous());
  EXPECT_EQ(frames.pixels[1][2][3][1].item<int>(), 60 + 20 + 10 + 3);
}

TEST(CreateVideoTest, LeavesThePicturesUntouched) {
  const at::Tensor pixels = at::full({1, 2, 2, 3}, 0.3), before = pixels.clone();
  video(pixels);
  EXPECT_TRUE(at::equal(pixels, before));
}

}  // namespace reel::pipeline::create_video_test
