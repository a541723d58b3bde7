// The scorer on rendered truth, and on videos that are wrong in one known way.
#include "pipeline/evaluation/scoring/score.h"

#include <gtest/gtest.h>

#include <numeric>

#include "pipeline/evaluation/world/degrade.h"
#include "pipeline/evaluation/world/render.h"
#include "tests/support/world.h"

namespace reel::world::score_test {

class ScoreTest : public testing::Test {
 protected:
  static const World& world() { return bundled_world(); }
  static VideoScore score(const at::Tensor& video, const Scene& asked) {
    static const Scorer scorer(world());
    return scorer.score(to_frames(world(), video).pixels, asked);
  }
  static Scene scene(const std::string& prompt) { return parse_prompt(world(), prompt); }
  /// Float [16, 3, 128, 128] of a prompt; the same seed gives the same take.
  static at::Tensor truth(const std::string& prompt, uint64_t seed = 3) {
    Dice dice(seed);
    const Scene asked = scene(prompt);
    return render(world(), asked, sample_take(world(), asked, dice));
  }
  static std::string found(const VideoScore& score) {
    std::string text = score.background < 0 ? "?" : world().backgrounds[score.background].name;
    for (const ActorScore& actor : score.actors) {
      text += ", " + (actor.object < 0 ? "?" : world().objects[actor.object].name);
      text += " " + (actor.motion < 0 ? "?" : world().motions[actor.motion].name);
    }
    return text;
  }
};

TEST_F(ScoreTest, FindsEveryTruthOfADrawnSet) {
  Dice dice(11);
  for (int i = 0; i < 24; ++i) {
    const Scene asked = sample_scene(world(), dice, i % 3 == 2 ? 1 : 0);
    const VideoScore result = score(render(world(), asked, sample_take(world(), asked, dice)), asked);
    EXPECT_TRUE(result.all_right()) << prompt_of(world(), asked) << "; found " << found(result);
    EXPECT_GT(result.consistency, 0.5) << prompt_of(world(), asked);
    EXPECT_LT(result.background_flicker, 1) << prompt_of(world(), asked);
  }
}

TEST_F(ScoreTest, SeesThroughBlurNoiseColourAndGhosts) {
  Dice dice(12);
  for (const std::string name : {"none", "blur", "noise", "colour", "ghost", "all"}) {
    const Scene asked = sample_scene(world(), dice, name == "all" ? 1 : 0);
    const at::Tensor video = render(world(), asked, sample_take(world(), asked, dice));
    const VideoScore result = score(degrade(video, degradation(name), dice), asked);
    EXPECT_TRUE(result.all_right()) << name << ": " << prompt_of(world(), asked) << "; found "
                                    << found(result);
  }
}

TEST_F(ScoreTest, ReadsOtherSizesAndFrameCounts) {
  Dice dice(4);
  const Scene asked = scene("a turtle moving left on grass");
  const Take take = sample_take(world(), asked, dice);
  for (const RenderSize size : {RenderSize{64, 64, 8}, RenderSize{96, 96, 5}, RenderSize{192, 160, 16}}) {
    const VideoScore result = score(render(world(), asked, take, size), asked);
    EXPECT_TRUE(result.all_right()) << size.width << ": found " << found(result);
  }
}

TEST_F(ScoreTest, AnotherObjectIsWrongAndNothingElse) {
  const VideoScore result = score(truth("a dog moving up on grass"), scene("a cat moving up on grass"));
  ASSERT_EQ(found(result), "on grass, dog moving up");
  EXPECT_FALSE(result.actors[0].object_right);
  EXPECT_TRUE(result.actors[0].motion_right);
  EXPECT_TRUE(result.background_right);
  EXPECT_FALSE(result.all_right());
  EXPECT_LT(result.actors[0].asked_explained, result.actors[0].explained);
}

TEST_F(ScoreTest, AnotherMotionIsWrongAndNothingElse) {
  const VideoScore result = score(truth("a dog growing on grass"), scene("a dog shrinking on grass"));
  ASSERT_EQ(found(result), "on grass, dog growing");
  EXPECT_TRUE(result.actors[0].object_right);
  EXPECT_FALSE(result.actors[0].motion_right);
  EXPECT_TRUE(result.background_right);
  EXPECT_FALSE(result.all_right());
}

TEST_F(ScoreTest, AnotherBackgroundIsWrongAndNothingElse) {
  const VideoScore result = score(truth("a dog moving up on grass"), scene("a dog moving up at sea"));
  ASSERT_EQ(found(result), "on grass, dog moving up");
  EXPECT_TRUE(result.actors[0].object_right);
  EXPECT_TRUE(result.actors[0].motion_right);
  EXPECT_FALSE(result.background_right);
  EXPECT_FALSE(result.all_right());
}

TEST_F(ScoreTest, TwoObjectsInEachOthersPlaceAreBothWrong) {
  const VideoScore result = score(truth("a boat moving up and a crab bouncing at sea"),
                                  scene("a crab bouncing and a boat moving up at sea"));
  ASSERT_EQ(found(result), "at sea, boat moving up, crab bouncing");
  for (const ActorScore& actor : result.actors) EXPECT_FALSE(actor.object_right || actor.motion_right);
}

TEST_F(ScoreTest, WhatASceneLeavesOpenDoesNotCount) {
  const at::Tensor video = truth("a boat moving up and a crab bouncing at sea");
  Scene open = scene("a crab bouncing and a boat shrinking on grass");
  open.sides = false, open.background = kOpen, open.actors[1].motion = kOpen;
  const VideoScore either_side = score(video, open);
  EXPECT_TRUE(either_side.all_right()) << found(either_side);
  EXPECT_EQ(either_side.actors[0].asked, 1);
  EXPECT_EQ(either_side.actors[1].asked, 0);
  Scene stated = open;
  stated.background = world().background_index("on grass");
  EXPECT_FALSE(score(video, stated).all_right());
  stated = open, stated.actors[1].motion = world().motion_index("shrinking");
  EXPECT_FALSE(score(video, stated).all_right());
  stated = open, stated.sides = true;
  EXPECT_FALSE(score(video, stated).all_right());
}

TEST_F(ScoreTest, ABackwardVideoMovesTheOtherWay) {
  const std::string prompt = "a car moving right in the desert";
  const VideoScore result = score(truth(prompt).flip({0}), scene(prompt));
  EXPECT_EQ(found(result), "in the desert, car moving left");
}

TEST_F(ScoreTest, AFrozenVideoStandsStill) {
  const std::string prompt = "a rocket moving up in space";
  const at::Tensor video = truth(prompt);
  const VideoScore moving = score(video, scene(prompt));
  const VideoScore frozen = score(video.narrow(0, 8, 1).expand_as(video), scene(prompt));
  ASSERT_TRUE(moving.all_right()) << found(moving);
  EXPECT_EQ(found(frozen), "in space, rocket standing still");
  EXPECT_GT(moving.amplitude, 0.02);  // half of the frame in 15 steps
  EXPECT_LT(frozen.amplitude, 0.001);
  EXPECT_GT(frozen.consistency, 0.99);
  EXPECT_EQ(frozen.background_flicker, 0);
}

TEST_F(ScoreTest, ShuffledFramesLoseMotionAndConsistency) {
  const std::string prompt = "a bus moving left in the snow";
  const at::Tensor video = truth(prompt);
  std::vector<int64_t> order(16);
  std::iota(order.begin(), order.end(), 0);
  Dice dice(1);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[dice.below(i)]);
  const VideoScore straight = score(video, scene(prompt));
  const VideoScore shuffled = score(video.index_select(0, at::tensor(order, at::kLong)), scene(prompt));
  ASSERT_TRUE(straight.all_right()) << found(straight);
  EXPECT_TRUE(shuffled.actors[0].object_right) << found(shuffled);
  EXPECT_FALSE(shuffled.actors[0].motion_right);
  EXPECT_GT(shuffled.amplitude, 2 * straight.amplitude);
  EXPECT_LT(shuffled.actors[0].smoothness, 0.2);
  EXPECT_LT(shuffled.consistency, 0.25 * straight.consistency);
}

TEST_F(ScoreTest, AnObjectThatBecomesAnotherIsInconsistent) {
  const at::Tensor apple = truth("an apple standing still on grass"),
                   clock = truth("a clock standing still on grass");
  const Scene asked = scene("an apple standing still on grass");
  const VideoScore whole = score(apple, asked);
  const VideoScore changed = score(at::cat({apple.narrow(0, 0, 8), clock.narrow(0, 8, 8)}), asked);
  EXPECT_GT(whole.actors[0].appearance, 0.9);
  // Of 120 pairs of frames 64 show two different objects.
  EXPECT_LT(changed.actors[0].appearance, 0.6);
  EXPECT_LT(changed.consistency, 0.6 * whole.consistency);
}

TEST_F(ScoreTest, FlickerIsMeasuredInLevels) {
  const std::string prompt = "a heart spinning on a pink wall";
  const at::Tensor video = truth(prompt) * 0.9;
  const at::Tensor sign = (at::arange(16) % 2).view({16, 1, 1, 1}).to(at::kFloat);
  const VideoScore steady = score(video, scene(prompt));
  const VideoScore flickering = score(video + sign * (8.0 / 255), scene(prompt));
  EXPECT_LT(steady.background_flicker, 0.2);
  EXPECT_NEAR(flickering.background_flicker, 8, 0.5);
  EXPECT_TRUE(flickering.background_right);
  EXPECT_TRUE(flickering.actors[0].object_right);
}

TEST_F(ScoreTest, AnEmptyStageHasNoObject) {
  for (const std::string prompt :
       {"a dog moving up on grass", "a dog moving up and a cat spinning in space"}) {
    Dice dice(3);
    const Scene asked = scene(prompt);
    const Take take = sample_take(world(), asked, dice);
    const at::Tensor picture = render_background(world(), asked, take, 128, 128);
    const VideoScore result = score(picture.unsqueeze(0).expand({16, -1, -1, -1}), asked);
    EXPECT_TRUE(result.background_right);
    for (const ActorScore& actor : result.actors) {
      EXPECT_EQ(actor.object, -1);
      EXPECT_EQ(actor.motion, -1);
      EXPECT_EQ(actor.consistency, 0);
    }
    EXPECT_FALSE(result.all_right());
  }
}

TEST_F(ScoreTest, OneOfTwoObjectsMissingIsSeenAsMissing) {
  Dice dice(3);
  const Scene asked = scene("a robot moving down and a cat spinning in the desert");
  Take take = sample_take(world(), asked, dice);
  Scene shown = asked;
  shown.actors.pop_back(), take.actors.pop_back();
  const VideoScore result = score(render(world(), shown, take), asked);
  EXPECT_EQ(found(result), "in the desert, robot moving down, ? ?");
  EXPECT_FALSE(result.all_right());
}

TEST_F(ScoreTest, NoiseHasNoBackgroundAndNothingRight) {
  Dice dice(9);
  at::Tensor video = at::empty({16, 3, 128, 128});
  float* values = video.mutable_data_ptr<float>();
  for (int64_t i = 0; i < video.numel(); ++i) values[i] = static_cast<float>(dice.uniform());
  const VideoScore result =
      score(at::avg_pool2d(video, {8, 8}).repeat_interleave(8, 2).repeat_interleave(8, 3) * 3 - 1,
            scene("a dog moving up on grass"));
  EXPECT_EQ(result.background, -1);
  EXPECT_LT(result.consistency, 0.1);
  EXPECT_FALSE(result.all_right());
}

TEST_F(ScoreTest, RefusesWhatIsNoVideo) {
  const Scorer scorer(world());
  const Scene asked = scene("a dog moving up on grass");
  EXPECT_THROW(scorer.score(at::zeros({16, 64, 64, 3}), asked), std::invalid_argument);  // not bytes
  EXPECT_THROW(scorer.score(at::zeros({1, 64, 64, 3}, at::kByte), asked), std::invalid_argument);
  EXPECT_THROW(scorer.score(at::zeros({16, 3, 64, 64}, at::kByte), asked), std::invalid_argument);
  EXPECT_THROW(scorer.score(at::zeros({16, 64, 64, 3}, at::kByte), Scene{}), std::invalid_argument);
  Scene unknown = asked;
  unknown.actors[0].object = 64;
  EXPECT_THROW(scorer.score(at::zeros({16, 64, 64, 3}, at::kByte), unknown), std::invalid_argument);
}

TEST(DegradeTest, NeutralValuesChangeNothing) {
  Dice dice(1);
  const at::Tensor video = at::rand({4, 3, 16, 16});
  EXPECT_TRUE(at::equal(degrade(video, {}, dice), video));
  EXPECT_TRUE(at::equal(degrade(video, degradation("none"), dice), video));
}

TEST(DegradeTest, EachIsAsStrongAsItSays) {
  Dice dice(1);
  const at::Tensor video = at::full({6, 3, 32, 32}, 0.5);
  const at::Tensor noisy = degrade(video, {.noise = 0.05}, dice);
  EXPECT_NEAR(noisy.std().item<double>(), 0.05, 0.002);
  const at::Tensor tinted = degrade(video, {.colour = 0.05}, dice);
  EXPECT_LE((tinted - video).abs().max().item<double>(), 0.0501);
  EXPECT_GT((tinted - video).abs().max().item<double>(), 0.001);
  at::Tensor flash = at::zeros({6, 3, 32, 32});
  flash[1].fill_(1);
  const at::Tensor ghostly = degrade(flash, {.ghost = 0.3}, dice);
  EXPECT_NEAR(ghostly[3].mean().item<double>(), 0.3, 1e-6);
  const at::Tensor sharp = (at::arange(32) % 2).view({1, 1, 1, 32}).expand({6, 3, 32, 32}).to(at::kFloat);
  EXPECT_LT(degrade(sharp, {.blur_side = 8}, dice).std().item<double>(), 0.1);
  EXPECT_THROW(degradation("fog"), std::invalid_argument);
}

}  // namespace reel::world::score_test
