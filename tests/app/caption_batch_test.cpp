// `reel caption` through kills, full disks, changed options and changed files: no line is lost, doubled or half.
#include <chrono>
#include <random>

#include "tests/app/caption_testing.h"
#include "tests/support/long_tests.h"

namespace reel::caption_batch_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

class KilledCaptions : public CaptionCommand {
 protected:
  std::vector<std::string> words(const std::string& output, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"photos", "-o", output, "--batch", "4", "--max-new-tokens", "8"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// Ends the run by SIGKILL after that time, unless it ends before.
  CommandResult caption_for(double seconds, std::vector<std::string> own) {
    std::vector<std::string> all = {"timeout",   "-s",      "KILL",    std::to_string(seconds),
                                    REEL_BINARY, "caption", "--dtype", "f32",
                                    "--threads", "1"};
    all.insert(all.end(), own.begin(), own.end());
    return run_command(folder_, all);
  }
};

TEST_F(KilledCaptions, EndWithTheOutputOfAnUninterruptedRun) {
  const int pictures = long_tests() ? 200 : 40, kills = long_tests() ? 50 : 6;
  for (int i = 0; i < pictures; ++i) write_picture("photos/p" + std::to_string(i) + ".ppm", i);
  write_file(folder_ / "photos/bad.ppm", "no picture");
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(caption(words("whole.jsonl")).code, 1);
  const double whole_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string whole = timeless(read_file(folder_ / "whole.jsonl"));
  std::mt19937 random(7);
  std::uniform_real_distribution<double> moment(0.1, whole_s * 0.9);
  std::string before;
  int killed = 0;
  for (int i = 0; i < kills; ++i) {
    const bool fresh = !fs::exists(folder_ / "killed.jsonl.journal");
    const CommandResult run = caption_for(
        moment(random),
        words("killed.jsonl", fresh ? std::vector<std::string>{} : std::vector<std::string>{"--resume"}));
    if (run.code == 137) ++killed;
    if (!fs::exists(folder_ / "killed.jsonl")) continue;
    // What was there stays as it was, to the last bit of a line's seconds.
    const std::string now = read_file(folder_ / "killed.jsonl");
    const std::string complete = before.substr(0, before.rfind('\n') + 1);
    EXPECT_EQ(now.substr(0, complete.size()), complete);
    before = now;
    if (run.code == 1) {  // done before the kill: again from the beginning
      EXPECT_EQ(timeless(now), whole);
      fs::remove(folder_ / "killed.jsonl");
      fs::remove(folder_ / "killed.jsonl.journal");
      before.clear();
    }
  }
  EXPECT_GE(killed, kills / 4);  // the others ended before their kill
  const bool begun = fs::exists(folder_ / "killed.jsonl.journal");
  EXPECT_EQ(caption(words("killed.jsonl",
                          begun ? std::vector<std::string>{"--resume"} : std::vector<std::string>{}))
                .code,
            1);
  EXPECT_EQ(timeless(read_file(folder_ / "killed.jsonl")), whole);
}

TEST_F(KilledCaptions, NameChangedOptionsAndChangedFiles) {
  for (int i = 0; i < 3; ++i) write_picture("photos/p" + std::to_string(i) + ".ppm", i);
  ASSERT_EQ(caption(words("a.jsonl")).code, 0);
  const std::string written = read_file(folder_ / "a.jsonl");
  const CommandResult again = caption(words("a.jsonl"));
  EXPECT_EQ(again.code, 4);
  EXPECT_THAT(again.err, HasSubstr("exists already; go on with it (--resume)"));
  const CommandResult other = caption(words("a.jsonl", {"--resume", "-p", "What is it?"}));
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("--prompt was 'Describe the image.' and is 'What is it?'"));
  write_picture("photos/p3.ppm", 3);
  const CommandResult more = caption(words("a.jsonl", {"--resume"}));
  EXPECT_EQ(more.code, 0) << more.err;
  EXPECT_THAT(more.err, HasSubstr("1 new inputs follow"));
  EXPECT_TRUE(read_file(folder_ / "a.jsonl").starts_with(written));
  write_picture("photos/p1.ppm", 9);
  fs::last_write_time(folder_ / "photos/p1.ppm", fs::file_time_type::clock::now() + std::chrono::seconds(5));
  const CommandResult changed = caption(words("a.jsonl", {"--resume"}));
  EXPECT_EQ(changed.code, 4);
  EXPECT_THAT(changed.err, HasSubstr("photos/p1.ppm"));
}

TEST_F(KilledCaptions, TryFailedInputsAgain) {
  write_picture("photos/p0.ppm", 0);
  write_file(folder_ / "photos/p1.ppm", "later");
  ASSERT_EQ(caption(words("a.jsonl")).code, 1);
  write_picture("photos/p1.ppm", 1);
  EXPECT_EQ(caption(words("a.jsonl", {"--resume"})).code, 1) << "failed ones count as done";
  EXPECT_EQ(caption(words("a.jsonl", {"--resume", "--retry-failed"})).code, 0);
  ASSERT_EQ(caption(words("b.jsonl")).code, 0);
  EXPECT_EQ(timeless(read_file(folder_ / "a.jsonl")), timeless(read_file(folder_ / "b.jsonl")));
}

TEST_F(KilledCaptions, KeepWholeLinesWhenTheDiskIsFull) {
  for (int i = 0; i < 30; ++i) write_picture("photos/p" + std::to_string(i) + ".ppm", i);
  const CommandResult full = caption({"photos", "-o", "/dev/full", "--max-new-tokens", "2"});
  EXPECT_EQ(full.code, 4);
  EXPECT_THAT(full.err, HasSubstr("/dev/full"));
  std::vector<std::string> limited = {
      "sh", "-c", "ulimit -f 4; exec \"$@\"", "sh", REEL_BINARY, "caption", "--dtype", "f32"};
  for (const std::string& word : words("a.jsonl")) limited.push_back(word);
  const CommandResult run = run_command(folder_, limited);
  EXPECT_EQ(run.code, 4) << run.err;
  EXPECT_THAT(run.err, HasSubstr("a.jsonl"));
  if (fs::exists(folder_ / "a.jsonl")) {
    for (const json& line : lines(read_file(folder_ / "a.jsonl"))) EXPECT_TRUE(line.contains("caption"));
  }
  EXPECT_EQ(caption(words("a.jsonl", {"-y"})).code, 0);
}

}  // namespace reel::caption_batch_test
