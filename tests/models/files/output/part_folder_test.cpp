// A sequence of files takes its names as one, or not at all: the process is killed after each single step of
// naming, and each step is made to fail. Long because the steps are many and their set-up is one.
#include "models/files/output/part_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>

#include "tests/support/long_tests.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::part_folder_test {

// The calls of naming pass through here: the n-th fails with g_error, or, without one, ends the process.
int g_calls = 0, g_stop_at = 0, g_error = 0;

bool stopped() {
  if (g_stop_at == 0 || ++g_calls != g_stop_at) return false;
  if (g_error == 0) kill(getpid(), SIGKILL), pause();
  errno = g_error;
  return true;
}

}  // namespace reel::models::part_folder_test

extern "C" {
int link(const char* from, const char* to) noexcept {
  return reel::models::part_folder_test::stopped() ? -1 : linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int rename(const char* from, const char* to) noexcept {
  return reel::models::part_folder_test::stopped() ? -1 : renameat(AT_FDCWD, from, AT_FDCWD, to);
}
int unlink(const char* path) noexcept {
  return reel::models::part_folder_test::stopped() ? -1 : unlinkat(AT_FDCWD, path, 0);
}
int mkdir(const char* path, mode_t mode) noexcept {
  return reel::models::part_folder_test::stopped() ? -1 : mkdirat(AT_FDCWD, path, mode);
}
}

namespace reel::models::part_folder_test {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;  // contents by name

bool belongs(const std::string& name) {
  return name.size() > 6 && name.starts_with("f_") && name.ends_with(".png") &&
         std::all_of(name.begin() + 2, name.end() - 4, [](unsigned char c) { return std::isdigit(c); });
}

bool ours(const std::string& path) { return read_file(path) != "a photo"; }

Files numbered(int count, const std::string& text) {
  Files files;
  for (int i = 1; i <= count; ++i)
    files["f_" + std::to_string(i) + ".png"] = text + " " + std::to_string(i) + std::string(size_t(i), '.');
  return files;
}

Files contents(const TemporaryFolder& folder) {
  Files files;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    files[entry.path().filename()] = entry.is_regular_file() ? read_file(entry.path()) : "folder";
  return files;
}

void fill(const TemporaryFolder& folder, const Files& files) {
  for (const auto& [name, text] : files) write_file(folder / name, text);
}

void write_sequence(const TemporaryFolder& folder, const Files& files, bool overwrite) {
  PartFolder output(folder / "f_%d.png", overwrite, belongs, ours);
  for (const auto& [name, text] : files) output.add(name, text);
  output.commit();
}

/// Does it in a process of its own, which ends at its n-th call of naming. False if it came to the end.
template <class Work>
bool killed_at(int call, const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    g_calls = 0, g_error = 0, g_stop_at = call;
    try {
      work();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

/// What was there, what is written over it, and whether that may be.
struct Case {
  std::string name;
  Files before, written;
  bool overwrite;
};
void PrintTo(const Case& one, std::ostream* stream) { *stream << one.name; }

std::vector<Case> cases() {
  Files notes = numbered(5, "old");
  notes["notes.txt"] = "kept", notes["f_x.png"] = "kept: no number", notes["f_77.png"] = "a photo";
  return {{"IntoAnEmptyFolder", {}, numbered(4, "new"), false},
          {"AShorterOverALonger", notes, numbered(3, "new"), true},
          {"ALongerOverAShorter", numbered(2, "old"), numbered(4, "new"), true}};
}

class Sequence : public testing::TestWithParam<Case> {
 protected:
  /// The folder once all is written: files of the sequence and no others of it.
  Files after() const {
    Files files = GetParam().before;
    std::erase_if(files, [](const auto& file) { return belongs(file.first) && file.second != "a photo"; });
    files.insert(GetParam().written.begin(), GetParam().written.end());
    return files;
  }
};

TEST_P(Sequence, KilledAtAnyStepItIsUndoneByTheNextRunWhichThenSucceeds) {
  const auto& [name, before, written, overwrite] = GetParam();
  int steps = 0, undone = 0;
  for (bool killed = true; killed; ++steps) {
    const TemporaryFolder folder;
    fill(folder, before);
    killed = killed_at(steps + 1, [&] { write_sequence(folder, written, overwrite); });
    undo_left_overs(folder / "f_%d.png", belongs);
    const Files now = contents(folder);
    if (now == before) {
      ++undone;
      write_sequence(folder, written, overwrite);  // what the killed command would do again
    }
    EXPECT_EQ(contents(folder), after()) << "killed at step " << steps + 1;
  }
  EXPECT_GT(steps, 8);
  EXPECT_GE(undone, steps - 8) << "only the last steps come after the new files count";
}

TEST_P(Sequence, KilledAgainWhileUndoingItIsUndoneOnceMore) {
  const auto& [name, before, written, overwrite] = GetParam();
  const int stride = long_tests() ? 1 : 5;
  bool killed = true;
  for (int first = 1; killed; first += stride) {
    bool again = true;
    for (int second = 1; again; second += stride) {
      const TemporaryFolder folder;
      fill(folder, before);
      killed = killed_at(first, [&] { write_sequence(folder, written, overwrite); });
      again = killed_at(second, [&] { undo_left_overs(folder / "f_%d.png", belongs); });
      undo_left_overs(folder / "f_%d.png", belongs);
      const Files now = contents(folder);
      EXPECT_TRUE(now == before || now == after()) << "killed at steps " << first << " and " << second;
    }
  }
}

TEST_P(Sequence, AStepThatFailsLeavesAllAsItWas) {
  const auto& [name, before, written, overwrite] = GetParam();
  int failed = 0;
  for (int step = 1;; ++step) {
    const TemporaryFolder folder;
    fill(folder, before);
    g_calls = 0, g_error = ENOSPC, g_stop_at = step;
    std::string message;
    try {
      write_sequence(folder, written, overwrite);
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    const bool reached = g_calls >= step;
    g_stop_at = 0;
    if (!reached) break;
    const Files now = contents(folder);
    // Some steps have a second way (no hard links: moving) or do not matter (the probe of the folder).
    if (message.empty()) {
      undo_left_overs(folder / "f_%d.png", belongs);
      EXPECT_EQ(contents(folder), after()) << step;
      continue;
    }
    ++failed;
    EXPECT_THAT(message, HasSubstr("No space left on device; free some space")) << step;
    undo_left_overs(folder / "f_%d.png", belongs);
    EXPECT_EQ(contents(folder), before) << step;
  }
  EXPECT_GE(failed, 3);
}

INSTANTIATE_TEST_SUITE_P(Cases, Sequence, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

std::string refusal(const TemporaryFolder& folder, const Files& files, bool overwrite) {
  try {
    write_sequence(folder, files, overwrite);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(PartFolderTest, AllTargetsAreLookedAtBeforeTheFirstIsReplaced) {
  const TemporaryFolder folder;
  fill(folder, numbered(2, "old"));
  fs::create_directory(folder.path() / "f_3.png");
  const Files before = contents(folder);
  EXPECT_THAT(refusal(folder, numbered(3, "new"), true), HasSubstr("got a folder of that name"));
  EXPECT_EQ(contents(folder), before);
}

TEST(PartFolderTest, WithoutLeaveNoPictureOfTheSequenceMayBeThere) {
  const TemporaryFolder folder;
  fill(folder, {{"f_9.png", "old"}});
  EXPECT_THAT(refusal(folder, numbered(2, "new"), false), HasSubstr("exists already (f_9.png)"));
  EXPECT_EQ(contents(folder), (Files{{"f_9.png", "old"}}));
}

TEST(PartFolderTest, UndoingKeepsWhatTheUserPutThereSince) {
  const TemporaryFolder folder;
  fill(folder, numbered(3, "old"));
  // Probe, folder, journal, old, three links, and the first new name.
  bool killed = true;
  int step = 1;
  for (; killed && read_file(folder / "f_1.png").starts_with("old"); ++step)
    killed = killed_at(step, [&] { write_sequence(folder, numbered(3, "new"), true); });
  ASSERT_TRUE(killed) << "a kill with one new picture in place";
  write_file(folder / "f_1.png", "mine");
  undo_left_overs(folder / "f_%d.png", belongs);
  Files expected = numbered(3, "old");
  expected["f_1.png"] = "mine";
  EXPECT_EQ(contents(folder), expected);
}

// A killed process whose parent has not asked about it keeps its number.
TEST(PartFolderTest, APartWhoseWriterEndedUnnoticedIsALeftOver) {
  const TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t ended{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  const std::string part = folder / (".f_%d.png." + std::to_string(child) + "-0.part");
  fs::create_directories(part);
  write_file(part + "/f_1.png", "half");
  undo_left_overs(folder / "f_%d.png", belongs);
  EXPECT_FALSE(fs::exists(part));
  waitpid(child, nullptr, 0);
}

TEST(PartFolderTest, AJournalOfAStrangerMovesNothingOutsideTheSequence) {
  const TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  write_file(folder / "notes.txt", "mine");
  struct stat status {};
  ASSERT_EQ(stat((folder / "notes.txt").c_str(), &status), 0);
  const std::string mark = std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) +
                           " " + std::to_string(status.st_mtim.tv_nsec);
  const std::string part = folder / (".f_%d.png." + std::to_string(child) + "-0.part");
  fs::create_directories(part + "/old");
  std::string journal = "reel replacement 1";
  for (const std::string name : {"notes.txt", "../notes.txt", ".", ""}) journal += '\0' + mark + '\0' + name;
  write_file(part + "/journal", journal + '\0');
  write_file(part + "/old/notes.txt", "theirs");
  undo_left_overs(folder / "f_%d.png", belongs);
  EXPECT_EQ(contents(folder), (Files{{"notes.txt", "mine"}}));
}

TEST(PartFolderTest, ASecondWriterWaitsAndThenReplacesOrIsRefused) {
  for (const bool overwrite : {false, true}) {
    const TemporaryFolder folder;
    PartFolder second(folder / "f_%d.png", overwrite, belongs, ours);
    for (const auto& [name, text] : numbered(2, "second")) second.add(name, text);
    std::string refused;
    std::thread waiting;
    {
      const FolderLock lock("first", folder.path());
      waiting = std::thread([&] {
        try {
          second.commit();
        } catch (const NameTaken& error) {
          refused = error.what();
        }
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      EXPECT_FALSE(fs::exists(folder.path() / "f_2.png")) << "it waits";
      fill(folder, numbered(3, "first"));
    }
    waiting.join();
    Files now = contents(folder);
    std::erase_if(now, [](const auto& file) { return file.first.starts_with("."); });
    EXPECT_EQ(now, overwrite ? numbered(2, "second") : numbered(3, "first"));
    EXPECT_EQ(refused.empty(), overwrite);
  }
}

TEST(PartFolderTest, OfWritersAtTheSameTimeOneWinsAsAWhole) {
  for (int round = 0; round < (long_tests() ? 200 : 5); ++round) {
    const TemporaryFolder folder;
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        try {
          write_sequence(folder, numbered(3 + i, "writer " + std::to_string(i)), true);
        } catch (const std::exception&) {
          _exit(1);
        }
        _exit(0);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = 0;
      waitpid(child, &status, 0);
      EXPECT_EQ(status, 0);
    }
    const Files now = contents(folder);
    int whole = 0;
    for (int i = 0; i < 4; ++i) whole += now == numbered(3 + i, "writer " + std::to_string(i));
    EXPECT_EQ(whole, 1) << round;
  }
}

}  // namespace reel::models::part_folder_test
