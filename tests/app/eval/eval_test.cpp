// `reel eval world`, end to end: the real program on rendered truth and on a tiny random model.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "models/files/safetensors.h"
#include "pipeline/media/pictures/picture_reader.h"
#include "tests/support/eval.h"

namespace reel::eval_test {

using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

TEST_F(EvalTest, FindsTheTruthInTheTruth) {
  const CommandResult result = eval({"--truth", "--prompts", "6", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["source"], "truth");
  EXPECT_EQ(document["videos"], 6);
  EXPECT_EQ(document["options"]["prompts"], 6);
  EXPECT_FALSE(document["interrupted"]);
  for (const char* key : {"one.object", "one.motion", "one.background", "two.object", "two.motion"}) {
    const json& found = document["results"][key];
    EXPECT_EQ(found["value"], 1) << key;
    EXPECT_EQ(found["high"], 1) << key;
    EXPECT_GT(found["low"], 0.3) << key;
    EXPECT_LT(found["low"], 1) << key;
  }
  EXPECT_EQ(document["results"]["one.object"]["count"], 3);
  EXPECT_EQ(document["results"]["two.object"]["count"], 6);
  EXPECT_GT(document["results"]["all.temporal_consistency"]["value"], 0.8);
  EXPECT_GT(document["seconds"]["score_median"], 0);
}

TEST_F(EvalTest, PrintsATableAndOneLineAVideo) {
  const CommandResult result = eval({"--truth", "--prompts", "3", "--two-fraction", "0", "-o", "a.csv"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Rendered truth: 3 videos, 95 % intervals"));
  EXPECT_THAT(result.out, HasSubstr("temporal consistency"));
  EXPECT_EQ(result.err, "");
  const std::vector<std::string> rows = lines("a.csv");
  ASSERT_EQ(rows.size(), 4u);
  const auto commas = [](const std::string& line) { return std::count(line.begin(), line.end(), ','); };
  for (const std::string& row : rows) EXPECT_EQ(commas(row), commas(rows[0])) << row;
  EXPECT_THAT(rows[0], HasSubstr("number,prompt,seed"));
  EXPECT_THAT(rows[3], testing::MatchesRegex("3,an? [a-z ]+,2,0,.*"));
}

TEST_F(EvalTest, OfOnePromptThereIsNoInterval) {
  const CommandResult table = eval({"--truth", "--prompts", "1", "--two-fraction", "1"});
  ASSERT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("1 video of one prompt, too few for intervals"));
  EXPECT_THAT(table.out, testing::Not(testing::ContainsRegex("[0-9] to [0-9]")));
  const json document = json::parse(eval({"--truth", "--prompts", "1", "--two-fraction", "1", "--json"}).out);
  const json& both = document["results"]["two.object"];
  EXPECT_EQ(both["count"], 2) << "objects of one video";
  EXPECT_TRUE(both["value"].is_number());
  EXPECT_TRUE(both["low"].is_null() && both["high"].is_null()) << both;
}

TEST_F(EvalTest, MorePromptsOfASeedBeginWithTheFewerOnes) {
  ASSERT_EQ(eval({"--truth", "--prompts", "2", "-o", "two.csv"}).code, 0);
  ASSERT_EQ(eval({"--truth", "--prompts", "3", "-o", "three.csv"}).code, 0);
  ASSERT_EQ(eval({"--truth", "--prompts", "2", "--seed", "9", "-o", "other.csv"}).code, 0);
  const auto prompts = [&](const std::string& name) {
    std::vector<std::string> all;
    for (const std::string& line : lines(name))
      all.push_back(line.substr(0, line.find(',', line.find(',') + 1)));
    all.resize(3);
    return all;
  };
  EXPECT_EQ(prompts("two.csv"), prompts("three.csv"));
  EXPECT_NE(prompts("two.csv"), prompts("other.csv"));
}

TEST_F(EvalTest, ScoresWhatTheModelGenerates) {
  const CommandResult result = model({"--prompts", "4", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["source"], "model");
  EXPECT_EQ(document["model"]["hash"].get<std::string>().size(), 16u);
  EXPECT_EQ(document["options"]["steps"], 2);
  EXPECT_EQ(document["options"]["frames"], 4);
  EXPECT_EQ(document["videos"], 4);
  // Random weights draw noise.
  EXPECT_EQ(document["results"]["all.all_right"]["value"], 0);
  EXPECT_EQ(document["results"]["one.background"]["value"], 0);
  EXPECT_FALSE(document.contains("difference"));
}

TEST_F(EvalTest, EditsAreComparedPairByPair) {
  const CommandResult result =
      model({"--prompts", "2", "--seeds", "2", "--edit", "scale:factor=3", "--json", "-o", "pairs.csv"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["videos"], 8);
  EXPECT_GT(document["edits"][0]["sites_matched"], 0);
  for (const char* part : {"results", "unedited", "difference"})
    EXPECT_TRUE(document[part].contains("all.motion_amplitude")) << part;
  const auto value = [&](const char* part) {
    return document[part]["all.background_flicker"]["value"].get<double>();
  };
  EXPECT_NEAR(value("difference"), value("results") - value("unedited"), 1e-9);
  EXPECT_NE(value("difference"), 0);
  EXPECT_EQ(document["difference"]["all.background_flicker"]["count"], 2);  // prompts
  EXPECT_EQ(lines("pairs.csv").size(), 9u);
}

TEST_F(EvalTest, ANeutralEditChangesNothing) {
  const CommandResult result = model({"--prompts", "4", "--edit", "scale:factor=1", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json differences = json::parse(result.out)["difference"];
  int64_t measured = 0;
  for (const auto& [key, difference] : differences.items()) {
    const int64_t count =
        difference["count"];  // of motions that were not drawn: 0; from one prompt there is no interval
    if (count > 0) {
      EXPECT_EQ(difference["value"], 0) << key;
    }
    if (count > 1) {
      EXPECT_EQ(difference["high"], 0) << key;
    }
    measured += count > 1;
  }
  EXPECT_GE(measured, 8);
}

TEST_F(EvalTest, SaysOnceThatAnEditMatchesNothing) {
  const CommandResult result = model({"--prompts", "2", "--edit", "scale:factor=2@layer=nowhere"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("matches no site"));
  EXPECT_EQ(result.err.find("matches no site"), result.err.rfind("matches no site"));
}

TEST_F(EvalTest, KeepsTheVideosThatGenerateMakes) {
  ASSERT_EQ(
      model({"--prompts", "1", "--two-fraction", "0", "--seed", "7", "--save", "kept", "-o", "a.csv"}).code,
      0);
  ASSERT_TRUE(fs::exists(path("kept/0001-7.mp4")));
  std::string prompt = lines("a.csv").at(1).substr(2);
  prompt.resize(prompt.find(','));
  ASSERT_EQ(
      reel_command(folder_, {"generate", prompt, "--model", model_, "--frames", "4", "--size", "32x32",
                             "--steps", "2", "--seed", "7", "--threads", "1", "--no-recipe", "-o", "one.mp4"})
          .code,
      0);
  const auto frames = [&](const std::string& name) {
    return run_command(folder_, {"ffmpeg", "-v", "error", "-i", name, "-f", "framemd5", "-"}).out;
  };
  EXPECT_THAT(frames("one.mp4"), HasSubstr("MD5"));
  EXPECT_EQ(frames("kept/0001-7.mp4"), frames("one.mp4"));
  const CommandResult again =
      model({"--prompts", "1", "--two-fraction", "0", "--seed", "7", "--save", "kept"});
  EXPECT_EQ(again.code, 4);
  EXPECT_THAT(again.err, HasSubstr("exists"));
}

TEST_F(EvalTest, AnInterruptKeepsWhatIsFinished) {
  // Interrupts once the first video is reported as done, however long that takes.
  const std::string script =
      shell_quoted(REEL_BINARY) +
      " eval world --truth --threads 1 --prompts 100000 --progress json -o part.csv 2>events & "
      "until grep -q '\"done\":1,' events; do kill -0 $! || exit 99; sleep 0.05; done; "
      "kill -INT $!; wait $!; code=$?; cat events >&2; exit $code";
  const CommandResult result = run_command(folder_, {"sh", "-c", script});
  EXPECT_EQ(result.code, 130) << result.err;
  EXPECT_THAT(result.out, HasSubstr("One object"));
  EXPECT_THAT(result.err, HasSubstr("of 100000 videos"));
  EXPECT_GT(lines("part.csv").size(), 1u);
}

TEST_F(EvalTest, TheWorldMayLieElsewhereWithItsAtlasAsATensor) {
  const std::string bundled = std::string(REEL_ASSETS_DIR) + "/world";
  std::string text = read_file(bundled + "/world.json");
  text.replace(text.find("sprites.png"), 11, "sprites.safetensors");
  fs::create_directory(path("own"));
  write_file(folder_ / "own/world.json", text);
  models::write_safetensors(folder_ / "own/sprites.safetensors",
                            {{"atlas", media::read_rgba(bundled + "/sprites.png")}});
  const CommandResult result = eval({"--truth", "--prompts", "2", "--json", "--world", "own"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["results"],
            json::parse(eval({"--truth", "--prompts", "2", "--json"}).out)["results"]);
  EXPECT_EQ(eval({"--truth", "--world", "nowhere"}).code, 4);
}

TEST_F(EvalTest, EveryMotionHasItsRow) {
  const CommandResult table =
      eval({"--truth", "--prompts", "4", "--two-fraction", "0", "--motion", "spinning"});
  ASSERT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, testing::ContainsRegex("spinning, % +4 +100"));
  for (const char* motion : {"moving left", "moving right", "moving up", "moving down", "bouncing", "growing",
                             "shrinking", "standing still"})
    EXPECT_THAT(table.out, HasSubstr(std::string(motion) + ": no such video"));
}

TEST_F(EvalTest, WithOneOfAKindThereIsNoIntervalOfIt) {
  const CommandResult table = eval({"--truth", "--prompts", "3", "--two-fraction", "0.34"});
  ASSERT_EQ(table.code, 0) << table.err;
  const size_t two = table.out.find("Two objects");
  const std::string rows = table.out.substr(two, table.out.find("Object and its motion") - two);
  EXPECT_THAT(rows, testing::ContainsRegex("both objects, % +1 +100.0\n"));
  EXPECT_THAT(rows, testing::Not(HasSubstr(" to ")));
  EXPECT_THAT(table.out.substr(0, two), HasSubstr(" to "));
}

TEST_F(EvalTest, ReadsSentencesAndWhatTheyState) {
  write_file(
      folder_ / "mine.jsonl",
      R"({"prompt": "owl, at night", "objects": ["owl"], "background": "at night", "kind": "short"})"
      "\n"
      R"({"prompt": "a cat jumps beside a dog", "objects": ["cat", "dog"], "motions": ["bouncing", ""]})"
      "\n");
  const CommandResult result = eval({"--truth", "--prompts-file", "mine.jsonl", "-o", "a.csv", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["videos"], 2);
  EXPECT_EQ(document["options"]["prompts"], 2);
  EXPECT_EQ(document["results"]["all.all_right"]["value"], 1);
  EXPECT_EQ(document["results"]["kind.short"]["count"], 1);
  EXPECT_EQ(document["results"]["one.motion"]["count"], 0) << "left open";
  EXPECT_EQ(document["results"]["two.motion"]["count"], 1) << "one of two is stated";
  EXPECT_EQ(document["results"]["two.background"]["count"], 0) << "left open";
  EXPECT_THAT(lines("a.csv").at(1), testing::StartsWith("1,\"owl, at night\",0,0,owl,"));
  EXPECT_THAT(eval({"--truth", "--prompts-file", "mine.jsonl", "--prompts", "1"}).out,
              HasSubstr("1 video of one"));
}

TEST_F(EvalTest, RefusesWhatDoesNotFit) {
  const auto refused = [&](const std::vector<std::string>& words, int code, const std::string& part) {
    const CommandResult result = eval(words);
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_EQ(result.out, "");
  };
  refused({"--truth", "--edit", "scale"}, 2, "[--edit]");
  refused({"--truth", "--size", "64x64"}, 2, "[--size]");
  refused({"--degrade", "blur"}, 2, "add --truth");
  refused({"--truth", "--degrade", "fog"}, 2, "fog");
  refused({"--truth", "-o", "rows.txt"}, 2, ".csv");
  refused({"--truth", "--prompts", "0"}, 2, "--prompts");
  refused({"--truth", "--motion", "spining"}, 2, "did you mean 'spinning'?");
  refused({"--truth", "--prompts-file", "nowhere.jsonl"}, 4, "nowhere.jsonl");
  refused({"--truth", "--prompts-file", "nowhere.jsonl", "--motion", "spinning"}, 2,
          "--prompts-file has its own");
  refused({"--model", "nowhere"}, 4, "nowhere");
  refused({"--model", model_, "--edit", "scael"}, 2, "scale");
  refused({"--model", model_, "--size", "33x32"}, 2, "[--size]");
  write_file(folder_ / "old.csv", "kept");
  refused({"--truth", "--prompts", "1", "-o", "old.csv"}, 4, "exists");
  EXPECT_EQ(read_file(folder_ / "old.csv"), "kept");
}

}  // namespace reel::eval_test
