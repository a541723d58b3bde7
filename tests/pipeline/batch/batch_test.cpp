// A batch through kills, full disks, changed files and other options: no line is lost, doubled or half.
#include "pipeline/batch/batch.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "pipeline/run/file_stamp.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::batch_test {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::string line_of(size_t index) {
  return "{\"index\":" + std::to_string(index) + ",\"caption\":\"" + std::string(index % 7 * 40, 'x') + "\"}";
}

bool fails(size_t index) { return index % 5 == 3; }

class BatchTest : public testing::Test {
 protected:
  BatchTest() {
    for (size_t i = 0; i < 30; ++i) {
      inputs.push_back({folder / ("p" + std::to_string(i)), std::nullopt});
      std::ofstream(inputs.back().path) << i;
    }
    options = {.output = folder / "out.jsonl", .settings = {{"prompt", "what is it"}, {"model", "m"}}};
  }
  Batch open() {
    return Batch(inputs, options, [](const std::string& line, size_t index, const BatchInput&) {
      return Batch::Found{line == line_of(index), fails(index)};
    });
  }
  /// Does up to `most` inputs, `together` at a time, of which the last is done first.
  static size_t run(Batch& batch, size_t most = 1000, size_t together = 4) {
    size_t count = 0;
    for (bool more = true; more && count < most;) {
      std::vector<size_t> taken;
      while (taken.size() < together && count + taken.size() < most) {
        const auto index = batch.take();
        if (!(more = index.has_value())) break;
        taken.push_back(*index);
      }
      for (auto index = taken.rbegin(); index != taken.rend(); ++index)
        batch.finish(*index, {file_stamp(batch.inputs()[*index].path), fails(*index), line_of(*index)});
      count += taken.size();
    }
    return count;
  }
  std::string whole() const {
    std::string text;
    for (size_t i = 0; i < inputs.size(); ++i) text += line_of(i) + "\n";
    return text;
  }
  std::string output() const { return read_file(options.output); }
  template <class Error>
  void expect_refusal(const std::string& words) {
    EXPECT_THAT([&] { open(); }, ThrowsMessage<Error>(HasSubstr(words)));
  }

  const TemporaryFolder folder;
  std::vector<BatchInput> inputs;
  BatchOptions options;
};

TEST_F(BatchTest, WritesLinesInTheOrderOfTheInputs) {
  Batch batch = open();
  EXPECT_EQ(run(batch, 2, 2), 2u);
  EXPECT_EQ(output(), line_of(0) + "\n" + line_of(1) + "\n") << "as soon as they are done";
  EXPECT_EQ(run(batch), 28u);
  EXPECT_EQ(output(), whole());
  EXPECT_EQ(batch.failed(), 6u);
}

TEST_F(BatchTest, RepeatsNothingThatIsDone) {
  {
    Batch batch = open();
    run(batch, 10);
    batch.finish(*batch.take() + 1,
                 {file_stamp(inputs[11].path), false, line_of(11)});  // its neighbour is not done
  }
  options.resume = true;
  Batch batch = open();
  EXPECT_EQ(batch.finished_before(), 11u);
  EXPECT_EQ(run(batch), 19u);
  EXPECT_EQ(output(), whole());
}

TEST_F(BatchTest, KilledAtAnyMomentItGoesOnWithoutLossOrRepetition) {
  std::mt19937 random(7);
  options.resume = true;
  int kills = 0;
  for (bool done = false; !done;) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Batch batch = open();
      while (run(batch, 1, 1) == 1) usleep(300);
      _exit(0);
    }
    usleep(1000 + random() % 9000);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    done = WIFEXITED(status);
    ASSERT_TRUE(!done || WEXITSTATUS(status) == 0);
    kills += !done;
    const std::string text = fs::exists(options.output) ? output() : "";
    EXPECT_EQ(text, whole().substr(0, text.size()));
    ASSERT_LT(kills, 2000);
  }
  EXPECT_EQ(output(), whole());
  EXPECT_GT(kills, 0);
}

TEST_F(BatchTest, CutsAHalfLineAndWritesWhatTheJournalHas) {
  {
    Batch batch = open();
    run(batch, 10, 1);
  }
  options.resume = true;
  const std::string text = output();
  for (const size_t bytes : {text.size() - 1, text.size() - 5, text.size() / 2, size_t{0}}) {
    fs::resize_file(options.output, bytes);
    const Batch batch = open();
    EXPECT_EQ(output(), text) << "cut at " << bytes;
  }
  std::ofstream(options.output, std::ios::app) << "{\"index\":10";
  const Batch batch = open();
  EXPECT_EQ(output(), text);
}

TEST_F(BatchTest, TakesLinesThatTheJournalLost) {
  {
    Batch batch = open();
    run(batch, 10, 1);
  }
  fs::remove(options.journal.empty() ? options.output + ".journal" : options.journal);
  options.resume = true;
  Batch batch = open();
  EXPECT_EQ(batch.finished_before(), 10u);
  EXPECT_EQ(batch.failed(), 2u);
  run(batch);
  EXPECT_EQ(output(), whole());
}

TEST_F(BatchTest, TriesFailedInputsAgainOnRequest) {
  {
    Batch batch = open();
    run(batch, 20);
  }
  options.resume = options.retry_failed = true;
  Batch batch = open();
  EXPECT_EQ(output(), line_of(0) + "\n" + line_of(1) + "\n" + line_of(2) + "\n");
  std::vector<size_t> again;
  while (const auto index = batch.take()) again.push_back(*index);
  EXPECT_THAT(again, ElementsAre(3, 8, 13, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29));
}

TEST_F(BatchTest, NewInputsFollowAndMissingOnesAreNamed) {
  {
    Batch batch = open();
    run(batch, 10);
  }
  options.resume = true;
  const BatchInput first = inputs.front();
  inputs.insert(inputs.begin(), {folder / "new", std::nullopt});
  {
    Batch batch = open();
    EXPECT_EQ(batch.added(), 1u);
    EXPECT_EQ(batch.inputs().back().path, folder / "new");
    EXPECT_EQ(batch.inputs().front(), first);
  }
  inputs.pop_back();
  expect_refusal<std::invalid_argument>("has inputs that are not given now: '" + (folder / "p29"));
}

TEST_F(BatchTest, RefusesOtherOptionsAndChangedFilesByName) {
  {
    Batch batch = open();
    run(batch, 10);
  }
  options.resume = true;
  options.settings = {{"prompt", "why"}, {"edits", "var"}, {"model", "m"}};
  expect_refusal<std::invalid_argument>("edits was nothing and is 'var'");
  expect_refusal<std::invalid_argument>("prompt was 'what is it' and is 'why'");
  options.settings = {{"prompt", "what is it"}, {"model", "m"}};
  std::ofstream(inputs[4].path) << "something longer";
  expect_refusal<std::runtime_error>("files have changed since they were done: '" + inputs[4].path);
}

TEST_F(BatchTest, RefusesAnOutputThatIsNotTheJournals) {
  {
    Batch batch = open();
    run(batch, 10);
  }
  options.resume = true;
  const std::string text = output();
  std::ofstream(options.output) << "{\"index\":0,\"caption\":\"edited\"}\n";
  expect_refusal<std::runtime_error>("out.jsonl, line 1] is not what the journal");
  EXPECT_EQ(output(), "{\"index\":0,\"caption\":\"edited\"}\n") << "left as it was";
  std::ofstream(options.output) << text << "something else\n";
  expect_refusal<std::runtime_error>("line 11] is not what the journal");
}

TEST_F(BatchTest, ReplacesNothingUnasked) {
  std::ofstream(options.output) << "mine";
  expect_refusal<std::runtime_error>("exists already");
  EXPECT_EQ(output(), "mine");
  options.overwrite = true;
  {
    Batch batch = open();
    run(batch);
  }
  EXPECT_EQ(output(), whole());
  options.overwrite = false, options.output = folder / "other.jsonl", options.journal = inputs[0].path;
  expect_refusal<std::runtime_error>("exists already");
  options.resume = true;
  expect_refusal<std::runtime_error>("is no journal of reel");
  EXPECT_EQ(read_file(inputs[0].path), "0") << "SQLite would take so short a file for an empty database";
}

TEST_F(BatchTest, TwoRunsDoNotShareAJournal) {
  const Batch batch = open();
  options.resume = true;
  // A process of its own: SQLite's locks are a process's.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      open();
    } catch (const std::runtime_error& error) {
      _exit(std::string(error.what()).find("in use by another run") == std::string::npos ? 2 : 0);
    }
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(BatchTest, AFullDiskLeavesWholeLines) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    options.journal = folder / "journal";
    Batch batch = open();
    const rlimit most{.rlim_cur = 1000, .rlim_max = 1000};  // for the output; the journal is larger already
    setrlimit(RLIMIT_FSIZE, &most);
    try {
      run(batch, 1000, 1);
    } catch (const std::runtime_error&) {
      _exit(0);
    }
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  const std::string text = output();
  EXPECT_EQ(text, whole().substr(0, text.size()));
  EXPECT_TRUE(text.empty() || text.back() == '\n');
  options.journal = folder / "journal", options.resume = true;
  Batch batch = open();
  run(batch);
  EXPECT_EQ(output(), whole());
}

}  // namespace reel::pipeline::batch_test
