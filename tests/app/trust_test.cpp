// What graphs, job lists and videos of somebody else may do: nothing to the user's files. SECURITY.md names these tests.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/support/command.h"

namespace reel::trust_test {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

class TrustTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"victim.txt", "victim.mp4"}) std::ofstream(folder_ / name) << "precious";
  }
  void copy(const std::string& name) {
    fs::copy_file(std::string(REEL_GOLDEN) + "/../cases/trust/" + name, folder_ / name,
                  fs::copy_options::overwrite_existing);
  }
  CommandResult reel(const std::vector<std::string>& words) { return reel_command(folder_, words); }
  std::string text(const std::string& name) const { return read_file(folder_ / name); }
  void expect_victims_whole() {
    for (const char* name : {"victim.txt", "victim.mp4"}) EXPECT_EQ(text(name), "precious") << name;
  }
  /// A small job on the tiny model, whose file `output` carries a recipe.
  CommandResult generate(const std::string& output, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"generate", "a fox",    "--model", kModel,    "--size",
                                      "32x16",    "--frames", "4",       "--steps", "1",
                                      "--seed",   "1",        "-o",      output};
    words.insert(words.end(), more.begin(), more.end());
    return reel(words);
  }
  TemporaryFolder folder_;
};

TEST_F(TrustTest, AStrangersGraphReplacesNothing) {
  for (const char* name : {"graph-tap.json", "graph-overwrite.json", "graph-nul.json", "graph-escape.json"}) {
    copy(name);
    const CommandResult result = reel({"graph", "run", name, "--no-cache"});
    EXPECT_NE(result.code, 0) << name;
    EXPECT_NE(result.code, 5) << name << result.err;
    EXPECT_THAT(result.err, Not(HasSubstr("\x1b"))) << name;
    expect_victims_whole();
  }
}

TEST_F(TrustTest, AStrangersGraphWritesBelowOneFolder) {
  ASSERT_EQ(reel({"graph", "new", "generate", "-o", "g.json"}).code, 0);
  ASSERT_EQ(reel({"graph", "set", "g.json", "model.model_path=" + kModel, "sampler.steps=1",
                  "latent.width=32", "latent.height=16", "latent.length=2", "positive.text=a fox"})
                .code,
            0);
  fs::create_directory(folder_ / "work");
  fs::create_directory(folder_ / "elsewhere");
  fs::create_symlink(folder_ / "elsewhere", folder_ / "work/link");
  const std::string away = folder_ / "elsewhere/a.mp4";
  for (const std::string& path : {std::string("../a.mp4"), away, std::string("link/a.mp4")}) {
    ASSERT_EQ(reel({"graph", "set", "g.json", "write.path=" + path}).code, 0);
    const CommandResult refused = reel({"graph", "run", "g.json", "--no-cache", "--output-dir", "work"});
    EXPECT_EQ(refused.code, 3) << path << refused.err;
    EXPECT_THAT(refused.err, AllOf(HasSubstr("leads elsewhere"), HasSubstr("--set write.path=FILE")));
    EXPECT_FALSE(fs::exists(away));
    EXPECT_EQ(reel({"graph", "check", "g.json", "--output-dir", "work"}).code, 3) << path;
  }
  ASSERT_EQ(reel({"graph", "set", "g.json", "write.path=" + away}).code, 0);
  EXPECT_EQ(reel({"graph", "run", "g.json", "--no-cache", "--output-dir", folder_ / "elsewhere"}).code, 0);
  EXPECT_TRUE(fs::exists(away));
  // The user's own word counts: the path of --set, and its permission.
  EXPECT_EQ(reel({"graph", "run", "g.json", "--no-cache", "--set", "write.path=" + away}).code, 4);
  EXPECT_EQ(reel({"graph", "run", "g.json", "--no-cache", "--set", "write.path=" + away, "--set",
                  "write.overwrite=true"})
                .code,
            0);
  ASSERT_EQ(reel({"graph", "set", "g.json", "write.path=b.mp4"}).code, 0);
  EXPECT_EQ(reel({"graph", "run", "g.json", "--no-cache", "--output-dir", "new/folder"}).code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "new/folder/b.mp4")) << "relative paths start there";
}

TEST_F(TrustTest, ALineOfAJobListWritesBelowOneFolder) {
  copy("jobs-nul.txt");
  EXPECT_NE(reel({"generate", "--prompts", "jobs-nul.txt", "--model", kModel, "--steps", "1"}).code, 0);
  std::ofstream(folder_ / "jobs.txt")
      << R"({"prompt": "a", "output": "../a.mp4"})"
      << "\n"
      << R"({"prompt": "a", "output": "a.mp4", "edit": "tap:file=victim.txt"})"
      << "\n"
      << R"({"prompt": "a", "output": "a.mp4", "edit": "tap:file=../x.safetensors"})"
      << "\n";
  const CommandResult result = reel({"generate", "--prompts", "jobs.txt", "--model", kModel, "--steps", "1",
                                     "--size", "32x16", "--frames", "2"});
  EXPECT_NE(result.code, 0);
  EXPECT_THAT(result.err, AllOf(HasSubstr("leads elsewhere"), HasSubstr("victim.txt")));
  EXPECT_FALSE(fs::exists(folder_ / "a.mp4"));
  expect_victims_whole();
}

TEST_F(TrustTest, WhatTheUserNamesIsReplacedOnlyWithHisPermission) {
  for (const std::vector<std::string>& option : {std::vector<std::string>{"--save-graph", "victim.txt"},
                                                 {"--save-graph", "victim.txt", "--dry-run"},
                                                 {"--save-tensors", "victim.txt"},
                                                 {"--edit", "tap:file=victim.txt"}}) {
    EXPECT_EQ(generate("a.mp4", option).code, 4) << option.back();
    expect_victims_whole();
    EXPECT_FALSE(fs::exists(folder_ / "a.mp4")) << "refused before the work";
  }
  EXPECT_EQ(generate("a.mp4", {"--edit", "tap:file=victim.txt", "-y"}).code, 0);
  EXPECT_NE(text("victim.txt"), "precious");
}

TEST_F(TrustTest, AReplayWritesItsVideoAndNothingElse) {
  for (const char* name : {"replay-tap.mp4", "replay-second-write.mp4", "replay-nul.mp4"}) {
    copy(name);
    const CommandResult result = reel({"replay", name, "-o", "again.mp4", "-y"});
    EXPECT_TRUE(result.code == 0 || result.code == 4) << name << result.code << result.err;
    expect_victims_whole();
  }
}

TEST_F(TrustTest, AReplayRefusesClaimsThatTheFileDoesNotBear) {
  for (const char* name : {"replay-huge.mp4", "replay-version-number.mp4", "replay-dtype-number.mp4",
                           "replay-node-sampler.mp4", "replay-escape.mp4"}) {
    copy(name);
    const CommandResult result = reel({"replay", name, "-o", "again.mp4"});
    EXPECT_EQ(result.code, 4) << name << result.err;
    EXPECT_THAT(result.err, Not(HasSubstr("\x1b"))) << name;
    EXPECT_FALSE(fs::exists(folder_ / "again.mp4"));
  }
}

TEST_F(TrustTest, ARecipeNamesModelsByNameAndHash) {
  std::ofstream(folder_ / "away.txt") << "";
  ASSERT_EQ(generate("a.mp4").code, 0);
  EXPECT_THAT(text("a.mp4"), Not(HasSubstr(kModel))) << "no folder of the user travels with the video";
  const CommandResult unknown = reel({"replay", "a.mp4"});
  EXPECT_EQ(unknown.code, 4) << unknown.err;
  EXPECT_THAT(unknown.err, HasSubstr("--model DIR"));
  for (const std::vector<std::string>& where : {std::vector<std::string>{"--model", kModel},
                                                {"--models-dir", fs::path(kModel).parent_path().string()}}) {
    std::vector<std::string> words = {"replay", "a.mp4", "--json", "-y"};
    words.insert(words.end(), where.begin(), where.end());
    const CommandResult result = reel(words);
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_TRUE(json::parse(result.out).at("same_frames")) << where.front();
  }
}

TEST_F(TrustTest, WhatSaveVideoWroteCanBeReplayed) {
  copy("graph-save.json");
  ASSERT_EQ(reel({"graph", "set", "graph-save.json", "model.model_path=" + kModel, "latent.width=32",
                  "latent.height=16"})
                .code,
            0);
  const CommandResult saved = reel({"graph", "run", "graph-save.json", "--no-cache"});
  ASSERT_EQ(saved.code, 0) << saved.err;
  const std::string file = saved.out.substr(0, saved.out.find('\n'));
  ASSERT_TRUE(fs::exists(folder_ / file)) << file;
  const CommandResult again = reel({"replay", file, "--model", kModel});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(fs::exists(folder_ / again.out.substr(0, again.out.find('\n')))) << again.out;
}

TEST_F(TrustTest, CacheFilesArePrivate) {
  copy("graph-save.json");
  ASSERT_EQ(reel({"graph", "set", "graph-save.json", "model.model_path=" + kModel, "latent.width=32",
                  "latent.height=16"})
                .code,
            0);
  ASSERT_EQ(reel({"graph", "run", "graph-save.json", "--cache-dir", "cache"}).code, 0);
  int files = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder_ / "cache")) {
    if (!entry.is_regular_file()) continue;
    ++files;
    EXPECT_EQ(entry.status().permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none)
        << entry.path();
  }
  EXPECT_GT(files, 0);
}

}  // namespace reel::trust_test
