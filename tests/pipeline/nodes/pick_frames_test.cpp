// PickFrames: which frames come out, and what is refused.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"

namespace reel::pipeline::pick_frames_test {

using testing::ElementsAre;
using testing::HasSubstr;

/// Frame f is filled with f.
Images video(int64_t frames) {
  return {at::arange(frames, at::kFloat).view({-1, 1, 1, 1}).expand({frames, 2, 3, 3}).contiguous()};
}

/// The frames that come out of eight or `frames`.
std::vector<int64_t> picked(int64_t count, const std::string& indices, int64_t frames = 8) {
  const at::Tensor pixels =
      NodeBench()
          .get<Images>("PickFrames", {{"images", video(frames)}, {"count", count}, {"indices", indices}})
          .pixels;
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < pixels.size(0); ++i) {
    numbers.push_back(pixels[i].min().item<int64_t>());
    EXPECT_EQ(pixels[i].max().item<int64_t>(), numbers.back());
  }
  return numbers;
}

std::string refusal(int64_t count, const std::string& indices) {
  return NodeBench().refusal("PickFrames", {{"images", video(8)}, {"count", count}, {"indices", indices}});
}

TEST(PickFramesTest, Declares) {
  EXPECT_THAT(NodeBench().sockets("PickFrames"),
              ElementsAre("images: IMAGE", "count: INT = 1 in 1 to 10000", "indices: STRING = ", "-> IMAGE"));
}

TEST(PickFramesTest, SpreadsOverTheVideo) {
  EXPECT_THAT(picked(1, ""), ElementsAre(4));
  EXPECT_THAT(picked(2, ""), ElementsAre(2, 6));
  EXPECT_THAT(picked(3, ""), ElementsAre(1, 4, 6));
  EXPECT_THAT(picked(8, ""), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(picked(1, "", 1), ElementsAre(0));
}

TEST(PickFramesTest, TakesThoseThatAreNamed) {
  EXPECT_THAT(picked(1, "0"), ElementsAre(0));
  EXPECT_THAT(picked(1, " 7, 0 ,-1,-8,3"), ElementsAre(7, 0, 7, 0, 3));
  EXPECT_THAT(picked(2, "5,6"), ElementsAre(5, 6));
}

TEST(PickFramesTest, RefusesWhatIsNotThere) {
  EXPECT_THAT(refusal(9, ""),
              HasSubstr("[PickFrames] 'count' must be at most the 8 frames of the video, got 9"));
  EXPECT_THAT(refusal(1, "8"), HasSubstr("must lie in -8 to 7 for 8 frames, got 8"));
  EXPECT_THAT(refusal(1, "-9"), HasSubstr("got -9"));
  for (const char* bad : {"x", "1,,2", "1,", ",", "1.5", "1 2", " "})
    EXPECT_THAT(refusal(1, bad), HasSubstr("must be whole numbers and commas")) << bad;
  EXPECT_THAT(refusal(3, "1,2"), HasSubstr("got 3 with 2 of these"));
}

TEST(PickFramesTest, KnowsTheSizeBeforehand) {
  NodeBench bench;
  ASSERT_TRUE(bench.node("PickFrames").light);
  const Images none{at::empty({16, 4, 5, 3}, at::TensorOptions(at::kFloat).device(at::kMeta))};
  const Images some = bench.get<Images>("PickFrames", {{"images", none}, {"count", int64_t{3}}});
  EXPECT_EQ(some.pixels.sizes(), at::IntArrayRef({3, 4, 5, 3}));
}

}  // namespace reel::pipeline::pick_frames_test
