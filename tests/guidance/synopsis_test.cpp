#include "guidance/synopsis.h"

#include <gmock/gmock.h>

#include "tests/support/golden.h"

namespace reel::guidance::synopsis_test {

using testing::ElementsAre;
using testing::HasSubstr;

/// Frames and texts as `0:a 7:b`.
std::string read(const std::string& text, int64_t frames) {
  std::string all;
  for (const PromptKey& key : read_synopsis(text, frames))
    all += (all.empty() ? "" : " ") + std::to_string(key.frame) + ":" + key.text;
  return all;
}

std::string refusal(const std::string& text, int64_t frames) {
  try {
    read_synopsis(text, frames);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(SynopsisKnotsTest, SpreadFromTheFirstFrameToTheLast) {
  EXPECT_THAT(synopsis_knots(5, 16), ElementsAre(0, 3, 7, 11, 15));
  EXPECT_THAT(synopsis_knots(5, 32), ElementsAre(0, 7, 15, 23, 31));
  EXPECT_THAT(synopsis_knots(4, 48), ElementsAre(0, 15, 31, 47));
  EXPECT_THAT(synopsis_knots(1, 16), ElementsAre(0));
  EXPECT_THAT(synopsis_knots(3, 3), ElementsAre(0, 1, 2));
}

TEST(SynopsisKnotsTest, RiseForEveryNumberOfStagesAndFrames) {
  for (int64_t frames = 2; frames <= 200; ++frames) {
    for (int64_t stages = 2; stages <= frames; ++stages) {
      const std::vector<int64_t> knots = synopsis_knots(stages, frames);
      ASSERT_EQ(knots.front(), 0);
      ASSERT_EQ(knots.back(), frames - 1);
      for (size_t l = 1; l < knots.size(); ++l)
        ASSERT_LT(knots[l - 1], knots[l]) << stages << " of " << frames;
    }
  }
}

TEST(SynopsisKnotsTest, MoreStagesThanFramesAreRefused) {
  EXPECT_THROW(synopsis_knots(5, 4), std::invalid_argument);
  EXPECT_THROW(synopsis_knots(0, 4), std::invalid_argument);
}

TEST(SynopsisTest, StagesStandBetweenSemicolonsOrOneALine) {
  EXPECT_EQ(read("a dog; a cat ;a cow", 16), "0:a dog 7:a cat 15:a cow");
  EXPECT_EQ(read("a dog\n\n  a cat\r\na cow; grazing\n", 16), "0:a dog 7:a cat 15:a cow; grazing");
  EXPECT_EQ(read(" a dog \n", 16), "0:a dog");
}

TEST(SynopsisTest, StagesMayNameTheirFrames) {
  EXPECT_EQ(read("0: a dog; 4:a cat; 15:a cow", 16), "0:a dog 4:a cat 15:a cow");
  EXPECT_EQ(read("0:a dog\n15:a cat: close\n", 16), "0:a dog 15:a cat: close");
  EXPECT_EQ(read("0:a dog", 16), "0:a dog");
}

TEST(SynopsisTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal("", 16), HasSubstr("at least one stage"));
  EXPECT_THAT(refusal(" \n ", 16), HasSubstr("at least one stage"));
  EXPECT_THAT(refusal("a;b;c;d;e", 4), HasSubstr("takes at most 4 stages, got 5"));
  EXPECT_THAT(refusal("a;;b", 16), HasSubstr("stage 2 is empty"));
  EXPECT_THAT(refusal("0:;15:b", 16), HasSubstr("stage 1 is empty"));
  EXPECT_THAT(refusal("0:a;b", 16), HasSubstr("got 1 of 2"));
  EXPECT_THAT(refusal("1:a;15:b", 16), HasSubstr("first stage must be at frame 0, got 1"));
  EXPECT_THAT(refusal("0:a;14:b", 16), HasSubstr("last stage must be at frame 15"));
  EXPECT_THAT(refusal("0:a;16:b", 16), HasSubstr("last stage must be at frame 15"));
  EXPECT_THAT(refusal("0:a;9:b;9:c;15:d", 16), HasSubstr("stage 3 must come after frame 9, got frame 9"));
}

class SynopsisContextsTest : public testing::Test {
 protected:
  at::Tensor scheduled(int64_t stages, int64_t frames, PromptBlend blend) const {
    return schedule_contexts(synopsis_knots(stages, frames), stage_.narrow(0, 0, stages), frames, blend)[0];
  }
  at::Tensor stage_ = at::arange(5 * 7 * 4, at::kFloat).sin().reshape({5, 7, 4});
};

TEST_F(SynopsisContextsTest, FramesBetweenTwoStagesMixThem) {
  const at::Tensor context = scheduled(5, 16, PromptBlend::kLinear);
  EXPECT_TRUE(close(context[5], (stage_[1] + stage_[2]) / 2, 0, 1e-6));
  EXPECT_TRUE(close(context[1], stage_[0] * (2.0 / 3) + stage_[1] * (1.0 / 3), 0, 1e-6));
}

TEST_F(SynopsisContextsTest, KnotsHaveTheirStagesBitForBit) {
  for (const PromptBlend blend : {PromptBlend::kLinear, PromptBlend::kHold}) {
    for (const auto& [stages, frames] : {std::pair{5, 16}, {5, 32}, {4, 48}}) {
      const at::Tensor context = scheduled(stages, frames, blend);
      const std::vector<int64_t> knots = synopsis_knots(stages, frames);
      for (int64_t l = 0; l < stages; ++l) EXPECT_TRUE(at::equal(context[knots[l]], stage_[l]));
    }
  }
}

TEST_F(SynopsisContextsTest, HoldReachesTheLastStageInTheLastFrameOnly) {
  const at::Tensor context = scheduled(5, 16, PromptBlend::kHold);
  const int64_t expected[] = {0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4};
  for (int64_t f = 0; f < 16; ++f) EXPECT_TRUE(at::equal(context[f], stage_[expected[f]])) << f;
}

TEST_F(SynopsisContextsTest, EqualStagesAreTheSinglePromptBitForBit) {
  const at::Tensor same = stage_.narrow(0, 0, 1).expand({5, -1, -1});
  const at::Tensor context = schedule_contexts(synopsis_knots(5, 16), same, 16, PromptBlend::kLinear)[0];
  for (int64_t f = 0; f < 16; ++f) EXPECT_TRUE(at::equal(context[f], stage_[0])) << f;
}

}  // namespace reel::guidance::synopsis_test
