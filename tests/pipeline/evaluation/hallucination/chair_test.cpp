// CHAIR's shares, counted by hand.
#include "pipeline/evaluation/hallucination/chair.h"

#include <gmock/gmock.h>

namespace reel::evaluation::chair_test {

TEST(ChairTest, CountsMentionsCaptionsAndObjects) {
  const std::vector<CaptionObjects> captions = {
      {.mentions = {"dog", "dog", "cat"}, .truth = {"dog", "bus"}, .words = 9},  // a cat that is not there
      {.mentions = {"boat"}, .truth = {"boat"}, .words = 3},
      {.mentions = {}, .truth = {"car"}, .words = 0},
  };
  const ChairScore score = chair_score(captions);
  EXPECT_EQ(score.captions, 3);
  EXPECT_DOUBLE_EQ(score.chair_i, 1.0 / 4);
  EXPECT_DOUBLE_EQ(score.chair_s, 1.0 / 3);
  EXPECT_DOUBLE_EQ(score.recall, 2.0 / 4);
  EXPECT_DOUBLE_EQ(score.precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(score.f1(), 4.0 / 7);
  EXPECT_DOUBLE_EQ(score.length, 4);
  EXPECT_THAT(invented(captions[0]), testing::ElementsAre("cat"));
}

TEST(ChairTest, SilenceScoresNothing) {
  EXPECT_EQ(chair_score({}).chair_i, 0);
  const ChairScore silent = chair_score({{.mentions = {}, .truth = {"dog"}}});
  EXPECT_EQ(silent.chair_s, 0);
  EXPECT_EQ(silent.recall, 0) << "which is why recall stands beside CHAIR";
}

}  // namespace reel::evaluation::chair_test
