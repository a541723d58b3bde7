// Nothing that the user gave is passed over without a word, and what the system refuses is said in reel's words.
#include <gmock/gmock.h>

#include "tests/support/command.h"

namespace reel::spoken_test {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

CommandResult generate(const TemporaryFolder& folder, const std::vector<std::string>& more) {
  std::vector<std::string> words = {"generate", "a fox", "--model", kModel, "--frames", "4",
                                    "--size",   "32x16", "--steps", "2",    "--seed",   "5"};
  words.insert(words.end(), more.begin(), more.end());
  return reel_command(folder, words);
}

TEST(SpokenTest, OptionsThatChangeNothingAreNamed) {
  const TemporaryFolder folder;
  const auto warned = [&](const std::vector<std::string>& words, const std::string& part) {
    for (const bool dry : {true, false}) {
      std::vector<std::string> all = words;
      all.insert(all.end(), {"-y", "--quiet"});
      if (dry) all.push_back("--dry-run");
      const CommandResult result = generate(folder, all);
      EXPECT_EQ(result.code, 0) << result.err;
      EXPECT_THAT(result.err, HasSubstr(part));
    }
  };
  warned({"-o", "a.gif", "--no-recipe"}, "[--no-recipe] changes nothing");
  warned({"-o", "a.y4m", "--no-recipe"}, "[--no-recipe] changes nothing");
  warned({"-o", "a.mp4", "--preview", "3"},
         "[--preview] shows nothing: it is every 3 steps, and there are 2");
  warned({"-o", "a.mp4", "--output-dir", "elsewhere"}, "[--output-dir] changes nothing");
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
  EXPECT_EQ(generate(folder, {"-o", "b.mp4", "--no-recipe", "--preview", "2", "--quiet"}).err, "");
}

TEST(SpokenTest, DevicesThatAreNoneAreRefused) {
  const TemporaryFolder folder;
  for (const char* device : {"cpu:3", "cpu:0", "meta", "cuda:x", "cpu:", "CPU"}) {
    const CommandResult result = generate(folder, {"--device", device});
    EXPECT_EQ(result.code, 2) << device << result.err;
    EXPECT_THAT(result.err,
                HasSubstr("[--device] must be auto, cpu, cuda or cuda:N, got '" + std::string(device)));
  }
  EXPECT_EQ(generate(folder, {"--device", "cuda:99"}).code, 4);
}

// /proc takes no files and no folders, whoever asks.
TEST(SpokenTest, FoldersThatCannotBeMadeAreSaidInTheProgramsWords) {
  const TemporaryFolder folder;
  ASSERT_EQ(reel_command(folder, {"graph", "new", "generate", "-o", "g.json"}).code, 0);
  const std::string long_name(300, 'a');
  for (const std::string& place : {std::string("/proc/reel"), long_name}) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"eval", "world", "--truth", "--prompts", "1", "--save", place + "/x"},
          {"eval", "world", "--truth", "--prompts", "1", "-o", place + "/x.csv"},
          {"generate", "a", "--model", kModel, "--output-dir", place + "/x"},
          {"generate", "a", "--model", kModel, "-o", place + "/x.mp4"},
          {"generate", "a", "--model", kModel, "-o", "a.mp4", "--save-tensors", place + "/x"},
          {"generate", "a", "--model", kModel, "-o", "a.mp4", "--save-graph", place + "/x"},
          {"inspect", "a", "--model", kModel, "-o", place + "/x.png"},
          {"graph", "new", "generate", "-o", place + "/x.json"},
          {"graph", "run", "g.json", "--output-dir", place + "/x"}}) {
      const CommandResult result = reel_command(folder, words);
      EXPECT_EQ(result.code, 4) << testing::PrintToString(words) << result.err;
      EXPECT_THAT(result.err, AllOf(HasSubstr("reel: "), HasSubstr("[" + place + "/x"), HasSubstr("; "),
                                    Not(HasSubstr("filesystem error"))))
          << testing::PrintToString(words);
      EXPECT_FALSE(std::filesystem::exists(folder / "a.mp4"));
    }
  }
}

}  // namespace reel::spoken_test
