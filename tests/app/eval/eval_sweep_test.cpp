// `reel eval sweep`, end to end on a tiny random model.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/eval.h"

namespace reel::eval_sweep_test {

using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

class EvalSweepTest : public EvalTest {};

TEST_F(EvalSweepTest, ASweepComparesEachPointWithTheSameUneditedVideos) {
  const CommandResult result = model({"--prompts", "2", "--edit", "scale:factor=0.5:1.5:0.5@kind=temporal",
                                      "--json", "-o", "sweep.csv", "--plot", "sweep.svg"},
                                     "sweep");
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["videos"], 8);  // unedited and three points
  EXPECT_EQ(document["swept"][0]["option"], "scale.factor");
  ASSERT_EQ(document["points"].size(), 3u);
  EXPECT_EQ(document["points"][0]["values"]["scale.factor"], "0.5");
  // The middle point is neutral: every pair is the same video twice.
  for (const auto& [key, difference] : document["points"][1]["difference"].items())
    EXPECT_TRUE(difference["value"] == 0 || difference["count"] == 0) << key;
  const std::string flicker = "all.background_flicker";
  EXPECT_NE(document["points"][0]["difference"][flicker]["value"], 0);
  // The same numbers as a comparison with that one edit.
  const json pair =
      json::parse(model({"--prompts", "2", "--edit", "scale:factor=1.5@kind=temporal", "--json"}).out);
  EXPECT_EQ(pair["difference"], document["points"][2]["difference"]);
  EXPECT_EQ(pair["unedited"], document["unedited"]);

  const std::vector<std::string> rows = lines("sweep.csv");
  EXPECT_EQ(rows.size(), 1 + 3 * document["unedited"].size());
  EXPECT_THAT(rows[0], HasSubstr("scale.factor,metric,count,value,"));
  EXPECT_THAT(rows[1], HasSubstr("0.5,one.object,1,"));
  const std::string svg = read_file(folder_ / "sweep.svg");
  EXPECT_THAT(svg, HasSubstr("scale.factor"));
  EXPECT_THAT(svg, HasSubstr("temporal consistency"));
}

TEST_F(EvalSweepTest, ASweepOfTwoOptionsIsTheirGrid) {
  const CommandResult result = model(
      {"--prompts", "1", "--of", "synopsis", "--stages", "2", "--edit", "scale:factor=0.5|2@kind=temporal",
       "--edit", "scale:factor=1|3@kind=cross", "--plot", "sweep.svg"},
      "sweep");
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("5 videos"));
  EXPECT_THAT(result.out, HasSubstr("scale.factor=2, scale#2.factor=3"));
  EXPECT_THAT(result.out, HasSubstr("stages right"));
  EXPECT_THAT(read_file(folder_ / "sweep.svg"), HasSubstr("scale#2.factor=3"));
}

TEST_F(EvalSweepTest, AnInterruptedSweepReportsWhatIsDone) {
  const std::string script =
      shell_quoted(REEL_BINARY) + " eval sweep --threads 1 --model " + shell_quoted(model_) +
      " --frames 4 --size 32x32 --steps 2 --prompts 100000 --edit 'scale:factor=1|2' --progress json -o "
      "part.csv "
      "--plot part.svg 2>events & "
      "until grep -q '\"done\":4,' events; do kill -0 $! || exit 99; sleep 0.05; done; "
      "kill -INT $!; wait $!; code=$?; cat events >&2; exit $code";
  const CommandResult result = run_command(folder_, {"sh", "-c", script});
  EXPECT_EQ(result.code, 130) << result.err;
  EXPECT_THAT(result.out, HasSubstr("scale.factor=2"));
  EXPECT_THAT(result.err, HasSubstr("of 300000 videos"));
  EXPECT_GT(lines("part.csv").size(), 2u);
  EXPECT_TRUE(fs::exists(path("part.svg")));
}

TEST_F(EvalSweepTest, ASweepIsCheckedBeforeTheFirstVideo) {
  const auto refused = [&](const std::vector<std::string>& words, int code, const std::string& part) {
    const CommandResult result = model(words, "sweep");
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_EQ(result.out, "");
  };
  refused({}, 2, "--edit");
  refused({"--edit", "scale:factor=2"}, 2, "no option takes several values");
  refused({"--edit", "scale:factr=1|2"}, 2, "did you mean 'factor'");
  refused({"--edit", "scale:factor=1|200"}, 2, "200");
  refused({"--edit", "scale:factor=1|2", "--plot", "a.png"}, 2, ".svg");
  refused({"--edit", "scale:factor=1|2", "-o", "a.txt"}, 2, ".csv");
  refused({"--edit", "scale:factor=1|2", "--stages", "3"}, 2, "--of synopsis");
  refused({"--edit", "scale:factor=1|2", "--of", "synopsis", "--stages", "5"}, 2,
          "takes at most 4 stages, got 5");
  write_file(folder_ / "old.svg", "kept");
  refused({"--edit", "scale:factor=1|2", "--plot", "old.svg"}, 4, "exists");
}

}  // namespace reel::eval_sweep_test
