// `reel generate --prompts`: what is said of each job, and what goes on after a bad one.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/command.h"

namespace reel::job_list_test {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

class JobListTest : public testing::Test {
 protected:
  CommandResult run(const std::string& list, const std::vector<std::string>& more = {}) {
    std::ofstream(folder_ / "jobs.txt", std::ios::binary) << list;
    std::vector<std::string> words = {
        "generate",  "--model", std::string(REEL_GOLDEN) + "/pipelines/merged_ddim",
        "--frames",  "2",       "--size",
        "32x16",     "--steps", "1",
        "--prompts", "jobs.txt"};
    words.insert(words.end(), more.begin(), more.end());
    return reel_command(folder_, words);
  }
  std::vector<std::string> videos() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      if (entry.path().filename() != "jobs.txt") names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }
  static std::vector<json> documents(const std::string& text) {
    std::vector<json> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
    return all;
  }
  TemporaryFolder folder_;
};

TEST_F(JobListTest, NamesAllBadLinesAtOnceAndRunsTheGoodOnes) {
  const CommandResult result =
      run("\xEF\xBB\xBF"
          "a fox\r\n"
          "\r\n"
          "# a comment\r\n"
          "{\"prompt\": \"b\", \"seed\": -1}\r\n"
          "{\"prompt\": \"c\", \"prompt\": \"d\"}\r\n"
          "{\"prompt\": \"e\", \"stesp\": 3}\r\n"
          "{\"prompt\": \"f\", \"steps\": 3x}\r\n"
          "{\"prompt\": \"g\", \"output\": \"g.mp4\", \"seed\": 3}\r\n"
          "{\"prompt\": \"h\", \"output\": \"./g.mp4\"}\r\n"
          "{\"prompt\": \"i\", \"compare\": true}\r\n"
          "{\"prompt\": \"j\", \"edit\": \"scael\"}",
          {"-o", "a.mp4", "--seed", "5"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(videos(), ElementsAre("a-0001.mp4", "g.mp4"));
  EXPECT_EQ(result.out, "a-0001.mp4\ng.mp4\n");
  const std::vector<std::string> expected = {
      "job 2 of 9 (line 4): [--prompts, line 4] 'seed' must be an integer from 0 to 2^64-1, got -1; leave it "
      "out for a "
      "random one",
      "job 3 of 9 (line 5): [--prompts, line 5] has 'prompt' twice; keep one of them",
      "job 4 of 9 (line 6): [--prompts, line 6] the option 'stesp' is not known; did you mean 'steps'?",
      "job 5 of 9 (line 7): [--prompts, line 7] must be a text or a JSON object of options: at 'steps', "
      "parse error",
      "job 7 of 9 (line 9): [--prompts, line 9] writes './g.mp4', as line 8 does; give one of them another "
      "output",
      "job 8 of 9 (line 10): [--compare] shows a video without and with edits",
      "job 9 of 9 (line 11): [edit] 'scael' is not known; did you mean 'scale'?"};
  size_t at = 0;
  for (const std::string& line : expected) {
    const size_t found = result.err.find("reel: " + line);
    ASSERT_NE(found, std::string::npos) << line << "\nin\n" << result.err;
    EXPECT_GE(found, at);
    at = found;
  }
  EXPECT_GT(result.err.find("job 1 of 9 (line 1): begins"), at) << "before the work";
  EXPECT_THAT(result.err, HasSubstr("job 6 of 9 (line 8): about "));
}

TEST_F(JobListTest, ASingleBadLineHasItsOwnStatus) {
  EXPECT_EQ(run("{\"prompt\": \"a cat\", \"output\": \"foo\", \"compare\": true}\n").code, 2);
  EXPECT_EQ(run("{\"prompt\": \"a\", \"prompt\": \"b\"}\n").code, 2);
  std::ofstream(folder_ / "old.mp4") << "precious";
  EXPECT_EQ(run("a\n", {"-o", "old.mp4"}).code, 4);
  EXPECT_EQ(run("# nothing\n\n").code, 2);
  EXPECT_EQ(run("b\n{\"seed\": 3}\n", {"-o", "x.mp4"}).code, 1) << "a line without a prompt";
  EXPECT_THAT(run("b\n", {"a fox"}).err, HasSubstr("got 'a fox' too; leave it out"));
}

TEST_F(JobListTest, StdoutKeepsTheOrderOfTheLinesAndSaysWhichJob) {
  const CommandResult result = run("a\n{\"steps\": 0}\nc\n", {"-o", "a.y4m", "--json"});
  EXPECT_EQ(result.code, 1);
  const auto all = documents(result.out);
  ASSERT_EQ(all.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(all[i]["job"], i + 1);
    EXPECT_EQ(all[i]["jobs"], 3);
    EXPECT_EQ(all[i]["line"], i + 1);
    EXPECT_EQ(all[i].contains("error"), i == 1) << all[i];
  }
}

TEST_F(JobListTest, ProgressAsJsonIsJsonLinesOnly) {
  const CommandResult result =
      run("a\n{\"prompt\": \"b\", \"frames\": 0}\n{\"prompt\": \"c\", \"seed\": 4, \"output\": \"c.y4m\"}\n",
          {"-o", "a.y4m", "--progress", "json", "--edit", "scale:factor=2@layer=absent"});
  EXPECT_EQ(result.code, 1) << result.err;
  std::map<std::string, std::vector<json>> stages;
  for (const json& event : documents(result.err)) {
    stages[event.at("stage")].push_back(event);
    EXPECT_TRUE(event.contains("job") && event.contains("line") && event["jobs"] == 3) << event;
  }
  ASSERT_EQ(stages["error"].size(), 1u);
  EXPECT_EQ(stages["error"][0]["line"], 2);
  EXPECT_THAT(stages["error"][0]["message"].get<std::string>(),
              HasSubstr("'frames' must be an integer from 1"));
  ASSERT_EQ(stages["seed"].size(), 1u) << "the other one was given";
  EXPECT_TRUE(stages["seed"][0]["seed"].is_number_unsigned());
  ASSERT_EQ(stages["job"].size(), 2u);
  EXPECT_GE(stages["job"][1]["left_s"].get<double>(), 0);
  EXPECT_FALSE(stages["step"].empty());
}

TEST_F(JobListTest, OfOneJobAndOfAWrongCommandLineToo) {
  const auto events = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--progress", "json"});
    return documents(reel_command(folder_, words).err);
  };
  const auto wrong = events({"generate", "a", "--steps", "0"});
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_EQ(wrong[0]["stage"], "error");
  EXPECT_EQ(wrong[0]["kind"], "usage");
  EXPECT_EQ(events({"generate", "a", "--model", "absent"}).at(0)["kind"], "environment");
  EXPECT_FALSE(events({"eval", "world", "--truth", "--prompts", "1", "--verbose"}).empty());
}

TEST_F(JobListTest, FinishedFilesCountAsDone) {
  const std::string list = "a fox\n{\"prompt\": \"a fox\", \"output\": \"own_%02d.png\"}\na fox\nsnow\n";
  ASSERT_EQ(run(list, {"--skip-existing"}).code, 0);
  EXPECT_THAT(videos(), ElementsAre("a-fox-2.mp4", "a-fox.mp4", "own_01.png", "own_02.png", "snow.mp4"));
  const auto written = fs::last_write_time(folder_ / "a-fox.mp4");
  fs::remove(folder_ / "snow.mp4");
  const CommandResult again = run(list, {"--skip-existing", "--json", "--progress", "json"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(videos().size(), 5u);
  EXPECT_EQ(fs::last_write_time(folder_ / "a-fox.mp4"), written);
  const auto all = documents(again.out);
  ASSERT_EQ(all.size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(all[i].contains("skipped"), i != 3) << all[i];
  EXPECT_THAT(again.err, HasSubstr("\"stage\":\"skipped\""));
  fs::remove(folder_ / "own_01.png");
  EXPECT_EQ(run(list, {"--skip-existing"}).code, 1)
      << "a part of a sequence is not finished, and is not replaced";
}

TEST_F(JobListTest, ADryRunNamesBadLinesToo) {
  const CommandResult result = run("a\n{\"prompt\": \"b\", \"size\": \"7x7\"}\n", {"--dry-run"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("job 2 of 2 (line 2): [--size]"));
  EXPECT_THAT(videos(), ElementsAre());
}

}  // namespace reel::job_list_test
