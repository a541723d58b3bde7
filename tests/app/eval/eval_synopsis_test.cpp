// `reel eval synopsis`, end to end on rendered truth and on a tiny random model.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/eval.h"

namespace reel::eval_synopsis_test {

using nlohmann::json;
using testing::HasSubstr;

class EvalSynopsisTest : public EvalTest {};

TEST_F(EvalSynopsisTest, SynopsesOfTruthAreRightAtEveryStage) {
  const CommandResult result = eval({"--truth", "--prompts", "4", "--json", "-o", "s.csv"}, "synopsis");
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["options"]["stages"], 4);
  EXPECT_EQ(document["results"]["all.stages_right"]["value"], 1);
  EXPECT_EQ(document["results"]["all.stages_right"]["count"], 16);
  EXPECT_EQ(document["results"]["background.all_stages"]["count"], 2);
  EXPECT_LT(document["results"]["background.largest_step"]["value"], 3);
  const std::vector<std::string> rows = lines("s.csv");
  ASSERT_EQ(rows.size(), 5u);
  const auto commas = [](const std::string& line) { return std::count(line.begin(), line.end(), ','); };
  for (const std::string& row : rows) EXPECT_EQ(commas(row), commas(rows[0])) << row;
  EXPECT_THAT(rows[1], testing::MatchesRegex("1,[a-z ]+; [a-z ]+; [a-z ]+; [a-z ]+,0,0,background,0,.*"));
  EXPECT_THAT(rows[2], HasSubstr(",1,0,object,0,"));
  const CommandResult held =
      eval({"--truth", "--prompts", "2", "--json", "--synopsis-blend", "hold", "--change", "background"},
           "synopsis");
  ASSERT_EQ(held.code, 0) << held.err;
  EXPECT_GT(json::parse(held.out)["results"]["background.largest_step"]["value"], 3.5);
  EXPECT_EQ(json::parse(held.out)["results"]["object.stages_right"]["count"], 0);
}

TEST_F(EvalSynopsisTest, SynopsesAreComparedPairByPairAndKept) {
  const CommandResult result = model({"--prompts", "2", "--stages", "3", "--edit", "scale:factor=3", "--json",
                                      "--save", "kept", "--seed", "7", "-o", "s.csv"},
                                     "synopsis");
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["videos"], 4);
  EXPECT_TRUE(document["difference"].contains("all.largest_step"));
  EXPECT_NE(document["difference"]["all.change"]["value"], 0);
  // What was scored is what reel generate makes of the synopsis.
  std::string synopsis = lines("s.csv").at(1).substr(2);
  synopsis.resize(synopsis.find(','));
  ASSERT_EQ(
      reel_command(folder_, {"generate", "--synopsis", synopsis, "--model", model_, "--frames", "4", "--size",
                             "32x32", "--steps", "2", "--seed", "7", "--threads", "1", "-o", "one.mp4"})
          .code,
      0);
  const auto frames = [&](const std::string& name) {
    return run_command(folder_, {"ffmpeg", "-v", "error", "-i", name, "-f", "framemd5", "-"}).out;
  };
  EXPECT_THAT(frames("one.mp4"), HasSubstr("MD5"));
  EXPECT_EQ(frames("kept/0001-7-unedited.mp4"), frames("one.mp4"));
}

}  // namespace reel::eval_synopsis_test
