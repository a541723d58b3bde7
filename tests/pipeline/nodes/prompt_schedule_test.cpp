// PromptSchedule: which prompt each frame is told, and how keys are written.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"

namespace reel::pipeline::prompt_schedule_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class PromptScheduleNodeTest : public testing::Test {
 protected:
  static NodeBench::Given given(const std::string& keys, int64_t length, const std::string& blend) {
    return {{"clip", ClipHandle{tiny_folder(), {}, 0}}, {"keys", keys}, {"length", length}, {"blend", blend}};
  }
  /// [F, L, D]
  at::Tensor contexts(const std::string& keys, int64_t length = 5, const std::string& blend = "linear") {
    const auto result = bench_.get<PromptContext>("PromptSchedule", given(keys, length, blend)).context;
    EXPECT_EQ(result.sizes(), at::IntArrayRef({1, length, 77, 24}));
    return result[0];
  }
  at::Tensor plain(const std::string& text) { return encoded(bench_, text)[0]; }
  std::string refusal(const std::string& keys) {
    return bench_.refusal("PromptSchedule", given(keys, 5, "linear"));
  }

  NodeBench bench_;
};

TEST_F(PromptScheduleNodeTest, Declares) {
  EXPECT_THAT(bench_.sockets("PromptSchedule"),
              ElementsAre("keys: STRING", "clip: CLIP", "length: INT = 16 in 1 to 4096",
                          "blend: COMBO = linear of linear|hold", "-> CONDITIONING"));
  EXPECT_TRUE(bench_.node("PromptSchedule").input("keys")->multiline);
}

TEST_F(PromptScheduleNodeTest, MixesInProportionBetweenKeysAndHoldsThemOutside) {
  const at::Tensor all = contexts("1:a fox\n5:snow", 8), fox = plain("a fox"), snow = plain("snow");
  for (int64_t f = 0; f < 8; ++f) {
    const double share = std::clamp((static_cast<double>(f) - 1) / 4, 0.0, 1.0);
    EXPECT_TRUE(close(all[f], fox * (1 - share) + snow * share, 0, 1e-5)) << "frame " << f;
  }
}

TEST_F(PromptScheduleNodeTest, HoldKeepsTheEarlierKeyUntilTheNext) {
  const at::Tensor all = contexts("1:a fox\n3:snow", 5, "hold");
  for (int64_t f = 0; f < 5; ++f)
    EXPECT_TRUE(close(all[f], plain(f < 3 ? "a fox" : "snow"), 0, 1e-5)) << "frame " << f;
}

TEST_F(PromptScheduleNodeTest, LeavesOutTheLayersThatTheClipSays) {
  NodeBench::Given skipping = given("0:a fox", 2, "linear");
  skipping["clip"] = ClipHandle{tiny_folder(), {}, 2};
  const at::Tensor context = bench_.get<PromptContext>("PromptSchedule", skipping).context;
  EXPECT_TRUE(close(context[0][1], encoded(bench_, "a fox", {tiny_folder(), {}, 2})[0], 0, 1e-5));
}

TEST_F(PromptScheduleNodeTest, ReadsOneKeyALineAndTheTextBehindTheFirstColon) {
  const at::Tensor expected = contexts("0:a fox: red\n4:snow");
  for (const char* keys :
       {"0:  \ta fox: red\n4: snow", "\n0:a fox: red\n  \n\n4:snow\n", "4:snow\n0:a fox: red",
        "00:a fox: red\n000000004:snow", "0:a fox: red\r\n4:snow\r\n"})
    EXPECT_TRUE(close(contexts(keys), expected, 0, 1e-5)) << keys;
  EXPECT_TRUE(close(expected[0], plain("a fox: red"), 0, 1e-5));
  EXPECT_TRUE(close(contexts("2:")[0], plain(""), 0, 1e-5)) << "a key may have no text";
}

TEST_F(PromptScheduleNodeTest, RefusesLinesThatAreNoKey) {
  for (const std::string line :
       {"a fox", ":a fox", "-1:a fox", "1.5:a fox", " 1:a fox", "x:a fox", "1000000000:a"})
    EXPECT_EQ(refusal("0:snow\n" + line),
              "[PromptSchedule] a prompt at a frame is written FRAME:TEXT, got '" + line +
                  "'; for example 8:a dog on grass");
}

TEST_F(PromptScheduleNodeTest, RefusesKeysThatNoVideoOfThatLengthHas) {
  EXPECT_THAT(refusal("5:a fox"), AllOf(HasSubstr("0 to 4"), HasSubstr("got 5")));
  EXPECT_THAT(refusal("3:a fox\n3:snow"), HasSubstr("3"));
  EXPECT_NE(refusal("3:a fox\n3:snow"), refusal("4:a fox\n4:snow")) << "names the frame";
  EXPECT_NE(refusal(" \n"), "");
}

TEST_F(PromptScheduleNodeTest, WarnsOfEachPromptThatIsTooLong) {
  std::string text;
  for (int i = 0; i < 76; ++i) text += "! ";
  contexts("0:a fox\n2:" + text);
  EXPECT_THAT(
      bench_.run_report.warnings,
      ElementsAre(StartsWith("node 7 (PromptSchedule): the prompt has 78 tokens, the model reads the first "
                             "77")));
}

}  // namespace reel::pipeline::prompt_schedule_test
