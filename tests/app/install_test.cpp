// An installed tree works by itself: from another folder, with its own model, without a word in the environment.
#include <gmock/gmock.h>

#include "tests/support/command.h"

namespace reel::install_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Nothing of the environment of this build and its tests, but what sanitizers are told.
std::vector<std::string> clean(std::vector<std::string> words) {
  std::vector<std::string> all = {"env", "-i", "PATH=/usr/bin:/bin"};
  for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) all.push_back(std::string(name) + "=" + value);
  }
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

class InstalledTree : public testing::Test {
 protected:
  void SetUp() override {
    const CommandResult installed = run_command(
        folder_, clean({REEL_CMAKE, "--install", REEL_BUILD, "--prefix", folder_ / "first place"}));
    ASSERT_EQ(installed.code, 0) << installed.err;
  }
  /// The installed program's words; run in a folder of its own.
  CommandResult reel(const fs::path& prefix, std::vector<std::string> words) {
    words.insert(words.begin(), (prefix / "bin" / "reel").string());
    return run_command(elsewhere_, clean(std::move(words)));
  }
  TemporaryFolder folder_, elsewhere_;
};

TEST_F(InstalledTree, MakesTheDefaultVideoAfterItWasMoved) {
  const fs::path first = folder_.path() / "first place", second = folder_.path() / "second place";
  for (const char* file : {"LICENSE", "NOTICE"})
    EXPECT_GT(fs::file_size(first / "share" / "doc" / "reel" / file), 0U) << file;
  fs::rename(first, second);
  const CommandResult models = reel(second, {"models", "list"});
  EXPECT_EQ(models.code, 0) << models.err;
  EXPECT_THAT(models.out, HasSubstr((second / "share" / "reel" / "checkpoints").string()));
  const CommandResult made =
      reel(second, {"generate", "a rocket moving up in space", "--steps", "1", "--frames", "2", "--size",
                    "64x64", "--seed", "1", "-o", "rocket.y4m"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(made.out, "rocket.y4m\n");
  EXPECT_GT(fs::file_size(elsewhere_.path() / "rocket.y4m"), size_t{2} * 64 * 64);
  const CommandResult graphs = reel(second, {"graph", "new", "--list"});
  EXPECT_EQ(graphs.code, 0) << graphs.err;
  EXPECT_THAT(graphs.out, HasSubstr("generate"));
  const CommandResult doctor = reel(second, {"doctor"});
  EXPECT_EQ(doctor.code, 0) << doctor.out << doctor.err;
}

TEST(AssetsTest, AFolderThatTheUserNamesIsUsedOrRefused) {
  const TemporaryFolder folder;
  const CommandResult result =
      run_command(folder, {"env", "REEL_ASSETS=" + (folder / "none"), REEL_BINARY, "models", "list"});
  EXPECT_EQ(result.code, 4) << result.out;
  EXPECT_THAT(result.err, HasSubstr("[REEL_ASSETS] must be a folder with graphs/"));
}

}  // namespace reel::install_test
