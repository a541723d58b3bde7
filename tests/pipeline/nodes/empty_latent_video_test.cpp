// EmptyLatentVideo: a size, and no tensor.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"

namespace reel::pipeline::empty_latent_video_test {

using testing::ElementsAre;

TEST(EmptyLatentVideoTest, Declares) {
  EXPECT_THAT(NodeBench().sockets("EmptyLatentVideo"),
              ElementsAre("width: INT = 512 in 8 to 16384", "height: INT = 512 in 8 to 16384",
                          "length: INT = 16 in 1 to 4096", "batch_size: INT = 1 in 1 to 64", "-> LATENT"));
}

TEST(EmptyLatentVideoTest, EachSizeGoesToItsOwnPlace) {
  const auto latent = NodeBench().get<Latent>(
      "EmptyLatentVideo", {{"width", 640}, {"height", 360}, {"length", 24}, {"batch_size", 3}});
  EXPECT_EQ(latent.width, 640);
  EXPECT_EQ(latent.height, 360);
  EXPECT_EQ(latent.frames, 24);
  EXPECT_EQ(latent.batch, 3);
}

TEST(EmptyLatentVideoTest, HoldsNoSamplesWhateverItsSize) {
  const auto latent = NodeBench().get<Latent>(
      "EmptyLatentVideo", {{"width", 16384}, {"height", 16384}, {"length", 4096}, {"batch_size", 64}});
  EXPECT_TRUE(latent.empty());
}

}  // namespace reel::pipeline::empty_latent_video_test
