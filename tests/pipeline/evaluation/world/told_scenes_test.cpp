#include "pipeline/evaluation/world/told_scenes.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"
#include "tests/support/world.h"

namespace reel::world::told_scenes_test {

using testing::HasSubstr;

class ToldScenesTest : public testing::Test {
 protected:
  static const World& world() { return bundled_world(); }
  std::vector<ToldScene> read(const std::string& text) {
    write_file(folder_ / "told.jsonl", text);
    return read_told_scenes(world(), folder_ / "told.jsonl");
  }
  std::string refusal(const std::string& text) {
    try {
      read(text);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  TemporaryFolder folder_;
};

TEST_F(ToldScenesTest, ReadsWhatASentenceStatesAndLeavesTheRestOpen) {
  const std::vector<ToldScene> told = read(
      R"({"prompt": "a dog, a cat jumps", "objects": ["dog", "cat"], "motions": ["", "bouncing"], "kind": "mine"})"
      "\n\n"
      R"({"prompt": "owl at night", "objects": ["owl"], "background": "at night"})"
      "\n");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].prompt, "a dog, a cat jumps");
  EXPECT_EQ(told[0].kind, "mine");
  const Actor dog{world().object_index("dog"), kOpen};
  const Actor cat{world().object_index("cat"), world().motion_index("bouncing")};
  EXPECT_EQ(told[0].stated, (Scene{{dog, cat}, kOpen, false}));
  EXPECT_EQ(told[1].stated,
            (Scene{{{world().object_index("owl"), kOpen}}, world().background_index("at night"), false}));
}

TEST_F(ToldScenesTest, NamesTheLineThatIsWrong) {
  const std::string good = R"({"prompt": "owl", "objects": ["owl"]})";
  EXPECT_THAT(refusal(good + "\nno json\n"), HasSubstr("told.jsonl line 2"));
  EXPECT_THAT(refusal(R"({"objects": ["owl"]})"), HasSubstr("must have a 'prompt'"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "objects": []})"), HasSubstr("one or two, got 0"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "objects": ["owl", "dog", "cat"]})"), HasSubstr("got 3"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "objects": ["bog"]})"), HasSubstr("got 'bog'; did you mean 'dog'?"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "objects": ["owl"], "motions": ["", ""]})"),
              HasSubstr("each of the 1"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "objects": ["owl"], "motions": ["spining"]})"),
              HasSubstr("'spinning'"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "objects": ["owl"], "background": "at see"})"),
              HasSubstr("'at sea'"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "objects": ["owl"], "place": "at sea"})"),
              HasSubstr("'place' is not known"));
  EXPECT_THAT(refusal("\n"), HasSubstr("got none"));
}

TEST_F(ToldScenesTest, TheBundledSentencesAreOfThisWorld) {
  const std::vector<ToldScene> told =
      read_told_scenes(world(), std::string(REEL_ASSETS_DIR) + "/eval/sentences.jsonl");
  ASSERT_EQ(told.size(), 200U);
  EXPECT_EQ(std::ranges::count(told, "written by hand", &ToldScene::kind), 50);
  EXPECT_EQ(std::ranges::count(told, "held-out templates", &ToldScene::kind), 150);
  Dice dice(1);
  for (const ToldScene& one : told) {
    const Scene closed = close_scene(world(), one.stated, dice);
    EXPECT_TRUE(closed.sides);
    for (size_t k = 0; k < closed.actors.size(); ++k) {
      EXPECT_EQ(closed.actors[k].object, one.stated.actors[k].object);
      if (one.stated.actors[k].motion != kOpen) {
        EXPECT_EQ(closed.actors[k].motion, one.stated.actors[k].motion);
      }
      EXPECT_GE(closed.actors[k].motion, 0);
    }
    EXPECT_GE(closed.background, 0);
  }
}

}  // namespace reel::world::told_scenes_test
