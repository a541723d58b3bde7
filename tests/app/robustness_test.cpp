// `reel generate` when things go wrong: killed, interrupted, a full disk, folders that take no files.
// Whatever happens, a file under its final name is complete, and the next run works.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "models/files/safetensors.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/media/video_reader.h"
#include "tests/support/child_process.h"
#include "tests/support/command.h"

namespace reel::robustness_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
namespace fs = std::filesystem;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

/// A job of a second, with further words; options given again replace these.
std::vector<std::string> job(const std::vector<std::string>& more) {
  std::vector<std::string> words = {"generate", "--model", kModel, "--frames", "4", "--size",
                                    "32x16",    "--steps", "1",    "--seed",   "5"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<std::string> names_in(const TemporaryFolder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path())) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// One paragraph, and nothing else.
void expect_one_error(const ChildResult& result, const std::string& place) {
  EXPECT_EQ(result.code, 4) << result.err;
  EXPECT_THAT(result.err, AllOf(StartsWith("reel: "), HasSubstr("[" + place + "]")));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST(RobustnessTest, KilledWhileSamplingItLeavesNothingAndTheNextRunWorks) {
  const TemporaryFolder folder;
  ChildProcess child(folder, job({"a fox", "-o", "a.mp4", "--steps", "900", "--progress", "json"}));
  ASSERT_TRUE(child.wait_for(R"("done":3,"node":"sampler")"));
  child.signal(SIGKILL);
  EXPECT_EQ(child.wait().code, 128 + SIGKILL);
  EXPECT_THAT(names_in(folder), ElementsAre());
  EXPECT_EQ(reel_command(folder, job({"a fox", "-o", "a.mp4"})).code, 0);
  EXPECT_THAT(names_in(folder), ElementsAre("a.mp4"));
}

class KilledWriter : public testing::TestWithParam<const char*> {};

TEST_P(KilledWriter, LeavesNoIncompleteFileAndTheNextRunCleansUp) {
  const std::string output = GetParam();
  const std::vector<std::string> words =
      job({"a fox", "-o", output, "--frames", "32", "--size", "64x64", "--progress", "json"});
  int caught = 0;
  // The kill races with the writer; it must come in between at least once.
  for (int attempt = 0; attempt < 20 && caught < 1; ++attempt) {
    const TemporaryFolder folder;
    ChildProcess child(folder, words);
    ASSERT_TRUE(child.wait_for(R"("done":1,"node":"write")"));
    child.signal(SIGKILL);
    child.wait();
    size_t named = 0, parts = 0;
    for (const std::string& name : names_in(folder)) ++(name.ends_with(".part") ? parts : named);
    if (parts == 0) continue;
    // Pictures of a sequence get their names together, but one by one; what is named before the last is undone.
    const bool sequence = output.find('%') != std::string::npos;
    if (sequence && named == 32) continue;
    EXPECT_TRUE(sequence || named == 0) << named;
    ++caught;
    const CommandResult again = reel_command(folder, words);
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_THAT(names_in(folder), testing::Each(Not(StartsWith(".")))) << "the left-over is gone";
    EXPECT_EQ(media::VideoReader::open(folder / (sequence ? "f_32.png" : output))->info().frames,
              sequence ? 1 : 32);
  }
  EXPECT_GE(caught, 1);
}

INSTANTIATE_TEST_SUITE_P(Formats, KilledWriter, testing::Values("a.mp4", "a.webm", "f_%d.png"),
                         [](const auto& info) { return std::string("AtRow") + std::to_string(info.index); });

class FullDisk : public testing::TestWithParam<const char*> {};

TEST_P(FullDisk, IsOneClearErrorAndNothingUnderTheFinalName) {
  const std::string output = GetParam();
  uintmax_t bytes = 0;  // of the largest file
  {
    const TemporaryFolder folder;
    ASSERT_EQ(reel_command(folder, job({"a fox", "-o", output})).code, 0);
    for (const auto& entry : fs::directory_iterator(folder.path()))
      bytes = std::max(bytes, entry.file_size());
  }
  ASSERT_GT(bytes, 100u);
  for (const uintmax_t limit : {uintmax_t{0}, bytes / 2, bytes - 1}) {
    const TemporaryFolder folder;
    const ChildResult result = ChildProcess(folder, job({"a fox", "-o", output}), limit).wait();
    expect_one_error(result, output);
    EXPECT_THAT(result.err, AllOf(HasSubstr("File too large"), HasSubstr("ulimit -f"))) << limit;
    EXPECT_THAT(names_in(folder), ElementsAre()) << limit << " of " << bytes;
  }
  const TemporaryFolder folder;
  EXPECT_EQ(ChildProcess(folder, job({"a fox", "-o", output}), bytes).wait().code, 0) << "it just fits";
}

INSTANTIATE_TEST_SUITE_P(Formats, FullDisk, testing::Values("a.mp4", "a.webm", "a.gif", "a.y4m", "f_%d.png"),
                         [](const auto& info) { return std::string("AtRow") + std::to_string(info.index); });

TEST(RobustnessTest, AFullDiskKeepsTheFileThatWouldHaveBeenReplaced) {
  const TemporaryFolder folder;
  write_file(folder / "a.y4m", "precious");
  expect_one_error(ChildProcess(folder, job({"a fox", "-o", "a.y4m", "-y"}), 1000).wait(), "a.y4m");
  EXPECT_EQ(read_file(folder / "a.y4m"), "precious");
  EXPECT_THAT(names_in(folder), ElementsAre("a.y4m"));
}

TEST(RobustnessTest, TensorsAndGraphsAreCompleteOrAbsentToo) {
  const TemporaryFolder folder;
  const std::vector<std::string> words =
      job({"a fox", "-o", "a.gif", "--save-tensors", "t.safetensors", "-y"});
  ASSERT_EQ(reel_command(folder, words).code, 0);
  const std::string before = read_file(folder / "t.safetensors");
  ASSERT_GT(before.size(), 2 * fs::file_size(folder.path() / "a.gif"));
  expect_one_error(ChildProcess(folder, words, before.size() - 1).wait(), "t.safetensors");
  EXPECT_THAT(names_in(folder), ElementsAre("a.gif", "t.safetensors")) << "the video stays";
  EXPECT_EQ(read_file(folder / "t.safetensors"), before);
  fs::remove(folder.path() / "t.safetensors");
  expect_one_error(ChildProcess(folder, words, before.size() - 1).wait(), "t.safetensors");
  EXPECT_THAT(names_in(folder), ElementsAre("a.gif"));

  const ChildResult graph =
      ChildProcess(folder, job({"a fox", "-o", "b.gif", "--save-graph", "g.json"}), 500).wait();
  expect_one_error(graph, "g.json");
  EXPECT_THAT(names_in(folder), ElementsAre("a.gif"));
  ASSERT_EQ(reel_command(folder, job({"a fox", "-o", "b.gif", "--save-graph", "g.json"})).code, 0);
  EXPECT_FALSE(pipeline::read_graph(folder / "g.json").nodes.empty());
}

TEST(RobustnessTest, LeftOversOfADeadRunAreRemovedForTensorsAndGraphsToo) {
  const TemporaryFolder folder;
  const pid_t dead = fork();
  if (dead == 0) _exit(0);
  waitpid(dead, nullptr, 0);
  for (const char* name : {"t.safetensors", "g.json"})
    write_file(folder / ("." + std::string(name) + "." + std::to_string(dead) + "-0.part"), "half");
  ASSERT_EQ(reel_command(folder, job({"a fox", "-o", "a.gif", "--save-tensors", "t.safetensors",
                                      "--save-graph", "g.json"}))
                .code,
            0);
  EXPECT_THAT(names_in(folder), ElementsAre("a.gif", "g.json", "t.safetensors"));
}

TEST(RobustnessTest, EachJobOfAListHasItsOwnTensorsAndGraph) {
  const TemporaryFolder folder;
  write_file(folder / "jobs.txt", "a fox\nsnow\n");
  ASSERT_EQ(reel_command(folder, job({"--prompts", "jobs.txt", "-o", "a.gif", "--save-tensors",
                                      "t.safetensors", "--save-graph", "graph"}))
                .code,
            0);
  EXPECT_THAT(names_in(folder), ElementsAre("a-0001.gif", "a-0002.gif", "graph-0001", "graph-0002",
                                            "jobs.txt", "t-0001.safetensors", "t-0002.safetensors"));
  const auto prompt = [&](const char* file) { return models::read_tensor(folder / file, "prompt_embeds"); };
  EXPECT_FALSE(at::equal(prompt("t-0001.safetensors"), prompt("t-0002.safetensors")));
}

struct Place {
  std::string name, path, message;
};

void PrintTo(const Place& place, std::ostream* stream) { *stream << place.name; }

/// Places that take no file from the superuser either.
class BadPlace : public testing::TestWithParam<Place> {};

TEST_P(BadPlace, IsRefusedBeforeAnyWork) {
  const auto& [name, path, message] = GetParam();
  const std::vector<std::pair<std::string, std::string>> uses = {
      {"-o", ".mp4"}, {"-o", "_%d.png"}, {"--save-tensors", ""}, {"--save-graph", ""}};
  for (const auto& [option, suffix] : uses) {
    const TemporaryFolder folder;
    write_file(folder / "file", "text");
    const std::string target = path + suffix;
    fs::create_directory(folder.path() / ("folder" + suffix));
    std::vector<std::string> words = job({"a fox", option, target});
    if (option != "-o") words.insert(words.end(), {"-o", "a.mp4"});
    if (name == "Folder" && suffix == "_%d.png") continue;  // no name of the sequence is that of a folder
    expect_one_error(ChildProcess(folder, words).wait(), target);
    words.insert(words.end(), {"--progress", "json"});
    const std::string events = ChildProcess(folder, words).wait().err;
    EXPECT_THAT(events, AllOf(StartsWith("{"), HasSubstr(message), HasSubstr(R"("stage":"error")")))
        << option;
    EXPECT_EQ(std::count(events.begin(), events.end(), '\n'), 1) << "no node has begun";
    EXPECT_THAT(names_in(folder), ElementsAre("file", "folder" + suffix)) << option;
  }
}

INSTANTIATE_TEST_SUITE_P(Places, BadPlace,
                         testing::Values(Place{"BelowAFile", "file/a",
                                               "needs a folder, got 'file', which is a file"},
                                         Place{"Folder", "folder", "got a folder of that name"},
                                         Place{"AbsentFolder", "absent/a", "make it first (mkdir -p)"},
                                         Place{"FolderThatTakesNoFiles", "/proc/a", "choose another folder"},
                                         Place{"LongName", std::string(300, 'a'), "choose a shorter name"}),
                         [](const auto& info) { return info.param.name; });

TEST(RobustnessTest, CtrlCInAListKeepsWhatIsFinished) {
  const TemporaryFolder folder;
  write_file(folder / "jobs.txt", "a fox\n{\"prompt\": \"snow\", \"steps\": 900}\nrain\n");
  ChildProcess child(folder, job({"--prompts", "jobs.txt", "-o", "a.mp4", "--progress", "json"}));
  ASSERT_TRUE(child.wait_for(R"("all":900,"done":2,)"));
  child.signal(SIGINT);
  const ChildResult result = child.wait();
  EXPECT_EQ(result.code, 130);
  EXPECT_EQ(result.out, "a-0001.mp4\n");
  EXPECT_THAT(result.err, AllOf(HasSubstr(R"("kind":"interrupted")"),
                                HasSubstr(R"("message":"interrupted; what was finished is kept")")));
  EXPECT_THAT(names_in(folder), ElementsAre("a-0001.mp4", "jobs.txt"));
  EXPECT_EQ(media::VideoReader::open(folder / "a-0001.mp4")->info().frames, 4);
}

TEST(RobustnessTest, ASecondCtrlCStopsAtOnce) {
  const TemporaryFolder folder;
  ChildProcess child(
      folder, job({"a fox", "-o", "a.mp4", "--frames", "32", "--size", "128x128", "--progress", "json"}));
  ASSERT_TRUE(child.wait_for(R"("done":0,"node":"sampler")"));
  ASSERT_TRUE(child.runs_for(0.3)) << "a step takes seconds";
  child.signal(SIGINT);
  ASSERT_TRUE(child.runs_for(0.3)) << "the first one waits for the end of the step";
  child.signal(SIGINT);
  EXPECT_FALSE(child.runs_for(1));
  EXPECT_EQ(child.wait().code, 130);
  EXPECT_THAT(names_in(folder), ElementsAre());
}

}  // namespace reel::robustness_test
