// Synopses: their truth, and the scorer on it and on videos that are wrong in one known way.
#include "pipeline/evaluation/scoring/stage_score.h"

#include <gmock/gmock.h>

#include <numeric>
#include <set>

#include "pipeline/evaluation/world/degrade.h"
#include "tests/support/world.h"

namespace reel::world::scene_stages_test {

using guidance::PromptBlend;
using testing::ElementsAre;

constexpr StageChange kChanges[] = {StageChange::kBackground, StageChange::kObject};

const World& world() { return bundled_world(); }

SceneStages stages_of(const std::vector<std::string>& prompts, StageChange change) {
  SceneStages made{change, {}};
  for (const std::string& prompt : prompts) made.stages.push_back(parse_prompt(world(), prompt));
  return made;
}

at::Tensor truth(const SceneStages& scenes, PromptBlend blend, uint64_t seed = 3, RenderSize size = {}) {
  Dice dice(seed);
  return render_stages(world(), scenes, blend, dice, size);
}

StageScores score(const at::Tensor& video, const SceneStages& asked, PromptBlend blend) {
  static const StageScorer scorer(world());
  return scorer.score(to_frames(world(), video).pixels, asked, blend);
}

int right(const StageScores& score) {
  int count = 0;
  for (const StageScore& stage : score.stages) count += stage.right();
  return count;
}

/// What was found, stage by stage, for messages.
std::string found(const StageScores& score) {
  std::string text;
  for (const StageScore& stage : score.stages) {
    text += (stage.object < 0 ? "?" : world().objects[stage.object].name) + " " +
            (stage.background < 0 ? "?" : world().backgrounds[stage.background].name) + "; ";
  }
  return text;
}

SceneStages places() {
  return stages_of({"a bus moving left on grass", "a bus moving left at night",
                    "a bus moving left in the desert", "a bus moving left on a pink wall"},
                   StageChange::kBackground);
}
SceneStages things() {
  return stages_of({"an apple standing still at sea", "a robot standing still at sea",
                    "a panda standing still at sea", "a guitar standing still at sea"},
                   StageChange::kObject);
}

TEST(SynopsisSampleTest, ChangesOneThingAndKeepsTheRest) {
  Dice dice(5);
  for (int i = 0; i < 100; ++i) {
    const StageChange change = kChanges[i % 2];
    const SceneStages drawn = sample_stages(world(), dice, change, 5);
    ASSERT_EQ(drawn.stages.size(), 5u);
    std::set<int> objects, backgrounds, motions;
    for (const Scene& stage : drawn.stages) {
      ASSERT_EQ(stage.actors.size(), 1u);
      objects.insert(stage.actors[0].object), motions.insert(stage.actors[0].motion);
      backgrounds.insert(stage.background);
    }
    EXPECT_EQ(motions.size(), 1u);
    EXPECT_EQ(objects.size(), change == StageChange::kObject ? 5u : 1u);
    EXPECT_EQ(backgrounds.size(), change == StageChange::kBackground ? 5u : 1u);
  }
}

TEST(SynopsisSampleTest, ItsTextReadsBackStageByStage) {
  Dice dice(6);
  const SceneStages drawn = sample_stages(world(), dice, StageChange::kObject, 4);
  const guidance::PromptKeys keys = guidance::read_synopsis(text_of(world(), drawn), 16);
  ASSERT_EQ(keys.size(), 4u);
  for (size_t l = 0; l < 4; ++l) EXPECT_EQ(parse_prompt(world(), keys[l].text), drawn.stages[l]);
}

TEST(SynopsisSampleTest, RefusesMoreStagesThanTheWorldHas) {
  Dice dice(1);
  EXPECT_EQ(sample_stages(world(), dice, StageChange::kBackground, 8).stages.size(), 8u);
  EXPECT_THROW(sample_stages(world(), dice, StageChange::kBackground, 9), std::invalid_argument);
  EXPECT_THROW(sample_stages(world(), dice, StageChange::kObject, 65), std::invalid_argument);
  EXPECT_THROW(sample_stages(world(), dice, StageChange::kObject, 0), std::invalid_argument);
}

TEST(SynopsisTruthTest, KnotsShowTheirStageAndTheMiddleIsAMix) {
  const at::Tensor linear = truth(things(), PromptBlend::kLinear), hold = truth(things(), PromptBlend::kHold);
  // Nothing moves here: within a held stage all frames are the same, and a mix lies between two of them.
  for (const int64_t knot : {0, 5, 10, 15}) EXPECT_TRUE(at::equal(linear[knot], hold[knot])) << knot;
  EXPECT_TRUE(at::equal(hold[5], hold[9]));
  EXPECT_GT((hold[9] - hold[10]).abs().max().item<double>(), 0.3);
  EXPECT_LT((linear[7] - (hold[5] * 0.6 + hold[10] * 0.4)).abs().max().item<double>(), 1e-5);
}

TEST(SynopsisTruthTest, TheObjectMovesThroughTheWholeClip) {
  const at::Tensor video = truth(places(), PromptBlend::kHold);
  // From the first to the last frame the bus crosses the frame: where it was, the pink wall is left.
  EXPECT_GT((video[0] - video[4]).abs().mean().item<double>(), 0.01);
  EXPECT_GT((video[10] - video[14]).abs().mean().item<double>(), 0.01);
}

TEST(StageFramesTest, StayNearTheKnotAndOnItsSide) {
  const std::vector<int64_t> knots = {0, 8, 10, 40};
  EXPECT_THAT(stage_frames(knots, 0, PromptBlend::kLinear), ElementsAre(0));
  EXPECT_THAT(stage_frames(knots, 1, PromptBlend::kLinear), ElementsAre(8));
  EXPECT_THAT(stage_frames(knots, 2, PromptBlend::kLinear), ElementsAre(10, 11));
  EXPECT_THAT(stage_frames(knots, 3, PromptBlend::kLinear), ElementsAre(40, 39));
  EXPECT_THAT(stage_frames(knots, 0, PromptBlend::kHold), ElementsAre(0, 1, 2));
  EXPECT_THAT(stage_frames(knots, 1, PromptBlend::kHold), ElementsAre(8, 9));
  EXPECT_THAT(stage_frames(knots, 3, PromptBlend::kHold), ElementsAre(40));
}

TEST(StageScoresTest, FindsEveryStageOfADrawnSet) {
  Dice dice(21);
  int wrong = 0, all = 0;
  for (int i = 0; i < 8; ++i) {
    const SceneStages asked = sample_stages(world(), dice, kChanges[i % 2], 4);
    const PromptBlend blend = i % 4 < 2 ? PromptBlend::kLinear : PromptBlend::kHold;
    const StageScores result = score(render_stages(world(), asked, blend, dice), asked, blend);
    EXPECT_TRUE(result.all_right()) << text_of(world(), asked) << "\n  found " << found(result);
    wrong += 4 - right(result), all += 4;
  }
  EXPECT_EQ(wrong, 0) << "of " << all;
}

TEST(StageScoresTest, CrossFadesAreEvenAndSwitchesAreSudden) {
  for (const SceneStages& asked : {places(), things()}) {
    const StageScores fade = score(truth(asked, PromptBlend::kLinear), asked, PromptBlend::kLinear);
    const StageScores cut = score(truth(asked, PromptBlend::kHold), asked, PromptBlend::kHold);
    EXPECT_TRUE(fade.all_right()) << found(fade);
    EXPECT_TRUE(cut.all_right()) << found(cut);
    EXPECT_LT(fade.largest_step, 2);
    EXPECT_GT(cut.largest_step, 4);
    EXPECT_LT(fade.jumping, 0.05);
    EXPECT_GT(cut.jumping, 3 * fade.jumping);
    EXPECT_NEAR(fade.change, cut.change, 1);  // both arrive
    EXPECT_GT(fade.change, 5);
  }
  EXPECT_GT(score(truth(places(), PromptBlend::kHold), places(), PromptBlend::kHold).jumping, 0.5);
}

TEST(StageScoresTest, AStillVideoHasTheFirstStageOnly) {
  for (const SceneStages& asked : {places(), things()}) {
    const at::Tensor video = truth(asked, PromptBlend::kLinear);
    const StageScores still = score(video.narrow(0, 0, 1).expand_as(video), asked, PromptBlend::kLinear);
    EXPECT_TRUE(still.stages[0].right()) << found(still);
    EXPECT_EQ(right(still), 1) << found(still);
    EXPECT_EQ(still.largest_step, 0);
    EXPECT_EQ(still.jumping, 0);
    EXPECT_EQ(still.change, 0);
  }
}

TEST(StageScoresTest, WhatStaysIsRightWhereOnlyTheChangeFails) {
  const at::Tensor video = truth(places(), PromptBlend::kLinear);
  const StageScores still = score(video.narrow(0, 0, 1).expand_as(video), places(), PromptBlend::kLinear);
  for (const StageScore& stage : still.stages) EXPECT_TRUE(stage.object_right) << found(still);
  EXPECT_FALSE(still.stages[2].background_right);
}

TEST(StageScoresTest, ShuffledFramesAreNotSmooth) {
  for (const SceneStages& asked : {places(), things()}) {
    const at::Tensor video = truth(asked, PromptBlend::kLinear);
    std::vector<int64_t> order(16);
    std::iota(order.begin(), order.end(), 0);
    Dice dice(2);
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[dice.below(i)]);
    const StageScores straight = score(video, asked, PromptBlend::kLinear);
    const StageScores shuffled =
        score(video.index_select(0, at::tensor(order, at::kLong)), asked, PromptBlend::kLinear);
    EXPECT_GT(shuffled.largest_step, 2 * straight.largest_step);
    EXPECT_GT(shuffled.jumping, 3 * straight.jumping);
    EXPECT_LT(right(shuffled), 4);
  }
}

TEST(StageScoresTest, ABackwardVideoHasItsStagesInTheWrongPlaces) {
  const StageScores backward =
      score(truth(things(), PromptBlend::kLinear).flip({0}), things(), PromptBlend::kLinear);
  EXPECT_EQ(right(backward), 0) << found(backward);
  EXPECT_LT(backward.largest_step, 2);
}

TEST(StageScoresTest, SeesThroughWhatModelsDoToFrames) {
  for (const char* name : {"blur", "noise", "colour", "all"}) {
    Dice dice(4);
    const at::Tensor video = degrade(truth(things(), PromptBlend::kLinear), degradation(name), dice);
    const StageScores result = score(video, things(), PromptBlend::kLinear);
    EXPECT_GE(right(result), 3) << name << ": " << found(result);
  }
}

TEST(StageScoresTest, ReadsOtherSizesFrameCountsAndNumbersOfStages) {
  SceneStages two = places(), five = places();
  two.stages.resize(2);
  five.stages.push_back(parse_prompt(world(), "a bus moving left in space"));
  for (const auto& [asked, frames] : {std::pair{two, 6}, {five, 32}, {places(), 4}}) {
    const at::Tensor video =
        truth(asked, PromptBlend::kLinear, 3, {.width = 96, .height = 96, .num_frames = frames});
    const StageScores result = score(video, asked, PromptBlend::kLinear);
    EXPECT_TRUE(result.all_right()) << frames << ": " << found(result);
    EXPECT_EQ(result.stages.back().knot, frames - 1);
  }
}

TEST(StageScoresTest, RefusesWhatIsNoVideoOrNoStages) {
  const StageScorer scorer(world());
  const at::Tensor frames = at::zeros({16, 32, 32, 3}, at::kByte);
  const auto refused = [&](const at::Tensor& given, const SceneStages& asked) {
    EXPECT_THROW(scorer.score(given, asked, PromptBlend::kLinear), std::invalid_argument);
  };
  refused(frames.narrow(0, 0, 3), places());  // fewer frames than stages
  refused(frames.to(at::kFloat), places());
  refused(frames, SceneStages{});
  refused(frames, stages_of({"a dog moving up and a cat spinning at sea"}, StageChange::kObject));
}

}  // namespace reel::world::scene_stages_test
