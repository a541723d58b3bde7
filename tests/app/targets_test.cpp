// Files that two parts of one run would write: refused before the work, with both named; and targets that a run would
// refuse are known to the check.
#include <gmock/gmock.h>

#include "tests/support/command.h"

namespace reel::targets_test {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

class TargetsTest : public testing::Test {
 protected:
  CommandResult reel(const std::vector<std::string>& words) { return reel_command(folder_, words); }
  CommandResult generate(const std::vector<std::string>& more) {
    std::vector<std::string> words = {"generate", "--model", kModel, "--frames", "4", "--size",
                                      "32x16",    "--steps", "1",    "--seed",   "5"};
    words.insert(words.end(), more.begin(), more.end());
    return reel(words);
  }
  void make_graph() {
    ASSERT_EQ(reel({"graph", "new", "generate", "-o", "g.json"}).code, 0);
    set({"model.model_path=" + kModel, "sampler.steps=1", "latent.width=32", "latent.height=16",
         "latent.length=2", "positive.text=a fox", "write.path=two.mp4"});
  }
  void set(std::vector<std::string> values) {
    values.insert(values.begin(), {"graph", "set", "g.json"});
    const CommandResult result = reel(values);
    ASSERT_EQ(result.code, 0) << result.err;
  }
  void add(std::vector<std::string> words) {
    words.insert(words.begin(), {"graph", "add", "g.json"});
    const CommandResult result = reel(words);
    ASSERT_EQ(result.code, 0) << result.err;
  }
  /// Both the check and the run refuse, and nothing is written.
  void expect_refused(const std::string& one, const std::string& other) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"graph", "check", "g.json"},
                                                  {"graph", "run", "g.json", "--no-cache", "-y"}}) {
      const CommandResult result = reel(words);
      EXPECT_EQ(result.code, 3) << words[1] << result.err;
      EXPECT_THAT(result.err,
                  AllOf(HasSubstr("node " + one), HasSubstr("node " + other), HasSubstr("is written by")));
    }
    EXPECT_FALSE(fs::exists(folder_ / "two.mp4"));
  }
  TemporaryFolder folder_;
};

TEST_F(TargetsTest, TwoNodesThatWriteOneVideo) {
  make_graph();
  add({"WriteVideo", "--id", "second", "video=video", "path=./two.mp4"});
  expect_refused("write", "second");
  set({"second.path=other.mp4"});
  EXPECT_EQ(reel({"graph", "check", "g.json"}).code, 0);
  // The user's own word, of another folder: the same file.
  EXPECT_EQ(
      reel({"graph", "run", "g.json", "--no-cache", "--set", "second.path=" + folder_ / "two.mp4"}).code, 3);
}

TEST_F(TargetsTest, AnEarlierResultWroteTheFileToo) {
  make_graph();
  ASSERT_EQ(reel({"graph", "run", "g.json", "--cache-dir", "cache"}).code, 0);
  add({"ImagesSideBySide", "--id", "pair", "left=decode", "right=decode"});
  add({"CreateVideo", "--id", "wide", "images=pair", "fps=8"});
  add({"WriteVideo", "--id", "second", "video=wide", "path=two.mp4"});
  const CommandResult result = reel({"graph", "run", "g.json", "--cache-dir", "cache"});
  EXPECT_EQ(result.code, 3) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("node write"), HasSubstr("node second")));
}

TEST_F(TargetsTest, OtherKindsOfNodes) {
  make_graph();
  add({"WriteText", "--id", "text", "text=hello", "path=sub/../two.mp4"});
  fs::create_directory(folder_ / "sub");
  expect_refused("write", "text");
  set({"text.path=two.txt", "write.path=p%d.png"});
  add({"WriteText", "--id", "picture", "text=hello", "path=p2.png"});
  expect_refused("write", "picture");
  set({"picture.path=p.png", "write.path=output/video/reel_00001_.mp4"});
  fs::create_directories(folder_ / "output/video");
  add({"SaveVideo", "--id", "save", "video=video"});
  expect_refused("write", "save");
  set({"write.path=two.mp4"});
  add({"SaveVideo", "--id", "again", "video=video"});
  EXPECT_EQ(reel({"graph", "check", "g.json"}).code, 0) << "numbered ones take the next number";
  add({"TapAttention", "--id", "tap", "model=model", "file=two.mp4"});
  set({"sampler.model=tap"});
  expect_refused("tap", "write");
}

TEST_F(TargetsTest, OptionsOfOneJob) {
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--save-tensors", "./a.mp4"},
                                               {"--save-graph", "sub/../a.mp4"},
                                               {"--edit", "tap:file=a.mp4"},
                                               {"--save-tensors", "t", "--save-graph", "t"},
                                               {"--save-tensors", "t", "--edit", "tap:file=t"}}) {
    fs::create_directories(folder_ / "sub");
    for (const bool dry : {false, true}) {
      std::vector<std::string> words = {"a fox", "-o", "a.mp4", "-y"};
      words.insert(words.end(), more.begin(), more.end());
      if (dry) words.push_back("--dry-run");
      const CommandResult result = generate(words);
      EXPECT_EQ(result.code, 2) << more.back() << result.err;
      EXPECT_THAT(result.err, HasSubstr("is the file of ")) << more.back();
      EXPECT_FALSE(fs::exists(folder_ / "a.mp4") || fs::exists(folder_ / "t"));
    }
  }
  EXPECT_EQ(generate({"a fox", "-o", "p_%d.png", "--save-tensors", "p_2.png"}).code, 2);
  EXPECT_EQ(generate({"a fox", "-o", "x.y4m", "--compare", "--edit", "scale:factor=2", "--save-graph",
                      "x-unedited.y4m"})
                .code,
            2);
}

TEST_F(TargetsTest, LinesOfAListThatRecordToOneFile) {
  std::ofstream(folder_ / "jobs.txt") << "a fox\na dog\n";
  const CommandResult result =
      generate({"--prompts", "jobs.txt", "--edit", "tap:file=maps", "-o", "a.mp4", "-y"});
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("[--prompts, line 2] writes 'maps' (--edit tap), as line 1 does"));
  EXPECT_TRUE(fs::exists(folder_ / "a-0001.mp4"));
  EXPECT_FALSE(fs::exists(folder_ / "a-0002.mp4"));
}

TEST_F(TargetsTest, ADryRunKnowsTargetsThatTheRunRefuses) {
  for (const char* name : {"a.mp4", "t", "maps"}) std::ofstream(folder_ / name) << "precious";
  for (const std::vector<std::string>& more : {std::vector<std::string>{"-o", "a.mp4"},
                                               {"-o", "b.mp4", "--save-tensors", "t"},
                                               {"-o", "b.mp4", "--save-graph", "t"},
                                               {"-o", "b.mp4", "--edit", "tap:file=maps"}}) {
    std::vector<std::string> words = {"a fox", "--dry-run"};
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(generate(words).code, 4) << more.back();
  }
}

TEST_F(TargetsTest, TheCheckKnowsTargetsThatTheRunRefuses) {
  make_graph();
  std::ofstream(folder_ / "two.mp4") << "precious";
  const CommandResult check = reel({"graph", "check", "g.json", "--cache-dir", "cache"});
  EXPECT_EQ(check.code, 3) << check.err;
  EXPECT_THAT(check.err, AllOf(HasSubstr("node write"), HasSubstr("exists already"), HasSubstr("-y")));
  EXPECT_EQ(reel({"graph", "run", "g.json", "--cache-dir", "cache"}).code, 4);
  EXPECT_EQ(reel({"graph", "check", "g.json", "--cache-dir", "cache", "-y"}).code, 0);
  EXPECT_EQ(reel({"graph", "run", "g.json", "--cache-dir", "cache", "-y"}).code, 0);
  EXPECT_EQ(reel({"graph", "check", "g.json", "--cache-dir", "cache"}).code, 0)
      << "an earlier run's, unchanged";
}

}  // namespace reel::targets_test
