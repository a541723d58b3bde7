// Shapes that last and shapes that are lost, on rendered truth that was spoilt in one known way.
#include "pipeline/evaluation/scoring/shape.h"

#include <gtest/gtest.h>

#include "pipeline/evaluation/scoring/score.h"
#include "pipeline/evaluation/world/degrade.h"
#include "pipeline/evaluation/world/render.h"
#include "tests/support/world.h"

namespace reel::world::shape_test {

class ShapeTest : public testing::Test {
 protected:
  static const World& world() { return bundled_world(); }
  struct Case {
    Scene scene;
    at::Tensor video;       // float [16, 3, 128, 128]
    at::Tensor background;  // the same without objects
  };
  static Case truth(const std::string& prompt, uint64_t seed = 3) {
    Dice dice(seed);
    Case one{parse_prompt(world(), prompt), {}, {}};
    const Take take = sample_take(world(), one.scene, dice);
    one.video = render(world(), one.scene, take);
    one.background = render_background(world(), one.scene, take, 128, 128).unsqueeze(0).expand_as(one.video);
    return one;
  }
  static VideoScore score(const at::Tensor& video, const Scene& asked) {
    static const Scorer scorer(world());
    return scorer.score(to_frames(world(), video).pixels, asked);
  }
  const std::vector<std::string> prompts_ = {"a dog spinning on grass",     "a bus moving left in the snow",
                                             "a boat growing at sea",       "a heart bouncing at night",
                                             "a train shrinking at sunset", "an owl standing still in space"};
};

TEST_F(ShapeTest, LastsInTruthAndUnderWhatDoesNotBendIt) {
  for (const std::string& prompt : prompts_) {
    const Case one = truth(prompt);
    for (const char* name : {"none", "blur", "noise", "colour"}) {
      Dice dice(5);
      const VideoScore result = score(degrade(one.video, degradation(name), dice), one.scene);
      EXPECT_TRUE(result.all_right()) << prompt << ", " << name << ": loss " << result.actors[0].shape.loss;
    }
    const Shape shape = score(one.video, one.scene).actors[0].shape;
    EXPECT_EQ(shape.share, 1) << prompt;
    EXPECT_LT(shape.loss, 0.5) << prompt;
  }
}

TEST_F(ShapeTest, IsLostInMeltedSmearedAndDoubledObjects) {
  for (const std::string& prompt : prompts_) {
    const Case one = truth(prompt);
    for (const std::string name : {"melt", "smear", "double"}) {
      // The world's owl is brown all over: a brown blob leaves little error.
      if (name == "smear" && prompt.starts_with("an owl")) continue;
      Dice dice(5);
      const ActorScore actor = score(degrade(one.video, degradation(name), dice), one.scene).actors[0];
      EXPECT_FALSE(actor.object_right) << prompt << ", " << name << ": loss " << actor.shape.loss;
      EXPECT_FALSE(actor.shape.kept()) << prompt << ", " << name << ": loss " << actor.shape.loss;
    }
  }
}

TEST_F(ShapeTest, IsLostOnceAnObjectVanishes) {
  for (const std::string& prompt : prompts_) {
    const Case one = truth(prompt);
    const auto until = [&](int64_t frame) {
      return score(at::cat({one.video.narrow(0, 0, frame), one.background.narrow(0, frame, 16 - frame)}),
                   one.scene)
          .actors[0];
    };
    const ActorScore late = until(14), early = until(11);
    EXPECT_TRUE(late.object_right) << prompt << ": 14 of 16 frames";
    EXPECT_NEAR(late.shape.share, 14.0 / 16, 1e-9) << prompt;
    EXPECT_FALSE(early.object_right) << prompt << ": 11 of 16 frames";
    EXPECT_NEAR(early.shape.share, 11.0 / 16, 1e-9) << prompt;
  }
}

TEST_F(ShapeTest, OfFadingObjectsOnlyGhostsAreLost) {
  const Case one = truth("a dog moving right in the desert");
  const auto mixed = [&](double share) { return share * one.video + (1 - share) * one.background; };
  EXPECT_TRUE(score(mixed(0.9), one.scene).actors[0].object_right);
  EXPECT_FALSE(score(mixed(0.3), one.scene).actors[0].object_right);
}

TEST_F(ShapeTest, ASecondCopyBesideTheObjectIsAnError) {
  const Case one = truth("a pig standing still on grass");
  const at::Tensor second = at::roll(one.video, {40}, {3});
  const at::Tensor is_second = (second - one.background).abs().amax(1, true) > 0.02;
  const VideoScore result = score(at::where(is_second, second, one.video), one.scene);
  EXPECT_FALSE(result.actors[0].shape.kept()) << result.actors[0].shape.loss;
}

TEST_F(ShapeTest, OneOfTwoMayMeltAloneAndMayPassBehindTheOther) {
  const Case one = truth("a dog standing still and a bus spinning on grass");
  Dice dice(5);
  const at::Tensor melted = degrade(one.video, degradation("melt"), dice);
  const at::Tensor half = at::cat({one.video.narrow(3, 0, 64), melted.narrow(3, 64, 64)}, 3);
  const VideoScore result = score(half, one.scene);
  EXPECT_TRUE(result.actors[0].object_right) << result.actors[0].shape.loss;
  EXPECT_FALSE(result.actors[1].object_right) << result.actors[1].shape.loss;
  const Case crossing = truth("a cake moving right and a helicopter growing in space");
  for (const ActorScore& actor : score(crossing.video, crossing.scene).actors)
    EXPECT_TRUE(actor.shape.kept()) << actor.shape.loss;
}

TEST_F(ShapeTest, NothingIsRightOfAnObjectThatIsNotSeen) {
  const SpriteBank bank(world());
  View view;
  view.seen.assign(4, Raster(64)), view.under.assign(4, Raster(64));
  EXPECT_EQ(shape_of(bank, 0, view, std::vector<Sighting>(4)).share, 0);
  EXPECT_EQ(shape_of(bank, 0, view, std::vector<Sighting>(4)).loss, 1 / kLostContrast);
  EXPECT_FALSE(shape_of(bank, 0, view, {}).kept());
}

}  // namespace reel::world::shape_test
