// Pipes, devices and folders where files are meant, results that nobody takes, and a folder that is gone: one
// paragraph and exit status 4, at once.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/child_process.h"
#include "tests/support/command.h"
#include "tests/support/long_tests.h"

namespace reel::input_files_test {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
namespace fs = std::filesystem;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

std::vector<std::string> job(const std::vector<std::string>& more) {
  std::vector<std::string> words = {"generate", "a fox", "--model", kModel, "--frames", "2",
                                    "--size",   "32x16", "--steps", "1",    "--seed",   "5"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void expect_refusal(const TemporaryFolder& folder, const std::vector<std::string>& words,
                    const std::string& message) {
  const ChildResult result = ChildProcess(folder, words).wait();
  std::string line;
  for (const std::string& word : words) line += word + " ";
  EXPECT_EQ(result.code, 4) << line << result.err;
  EXPECT_THAT(result.err, AllOf(StartsWith("reel: "), HasSubstr(message))) << line;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << line << result.err;
  EXPECT_LT(result.peak_bytes, 800'000'000) << line;
}

struct Use {
  std::string name;
  std::vector<std::string> words;  // "@" stands for the file
};
void PrintTo(const Use& use, std::ostream* stream) { *stream << use.name; }

/// Every option and argument that names a file to be read.
class Reading : public testing::TestWithParam<Use> {};

TEST_P(Reading, WantsARegularFile) {
  const TemporaryFolder folder;
  for (const std::string ending : {"", ".safetensors", ".ckpt", ".json", ".mp4"}) {
    ASSERT_EQ(mkfifo((folder / ("pipe" + ending)).c_str(), 0600), 0);
    ASSERT_EQ(symlink("/dev/zero", (folder / ("zero" + ending)).c_str()), 0);
    fs::create_directory(folder.path() / ("folder" + ending));
  }
  for (const auto& [file, fact] : {std::pair<std::string, std::string>{"pipe", "got a pipe"},
                                   {"zero", "got a device"},
                                   {"folder", "folder"}}) {
    std::vector<std::string> words;
    for (std::string word : GetParam().words) {
      if (const size_t at = word.find('@'); at != std::string::npos) word.replace(at, 1, file);
      words.push_back(word);
    }
    expect_refusal(folder, words, fact);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Uses, Reading,
    testing::Values(
        Use{"GraphCheck", {"graph", "check", "@"}}, Use{"GraphShow", {"graph", "show", "@"}},
        Use{"GraphRun", {"graph", "run", "@.json"}}, Use{"GraphSet", {"graph", "set", "@", "1.steps=3"}},
        Use{"GraphDiff", {"graph", "diff", "@", "@"}}, Use{"Lora", job({"--lora", "@.safetensors"})},
        Use{"LoraCheckpoint", job({"--lora", "@.ckpt:0.5"})},
        Use{"InitLatents", job({"--init-latents", "@.safetensors"})},
        Use{"StepNoise", job({"--step-noise", "@", "--scheduler", "euler_ancestral"})},
        Use{"Prompts", {"generate", "--model", kModel, "--prompts", "@"}},
        Use{"Synopsis", {"generate", "--model", kModel, "--synopsis", "./@"}},
        Use{"Tokenize", {"models", "tokenize", kModel, "--input", "@"}}, Use{"Replay", {"replay", "@.mp4"}}),
    [](const auto& info) { return info.param.name; });

/// A model folder one of whose files is something else.
class FolderWith : public testing::TestWithParam<const char*> {};

TEST_P(FolderWith, APipeInThePlaceOfAFileIsNamed) {
  const TemporaryFolder folder;
  fs::copy(kModel, folder / "model", fs::copy_options::recursive);
  fs::remove(folder.path() / "model" / GetParam());
  ASSERT_EQ(mkfifo((folder / (std::string("model/") + GetParam())).c_str(), 0600), 0);
  const std::string said = std::string("model/") + GetParam() + "] must be a regular file, got a pipe";
  expect_refusal(folder, {"generate", "a fox", "--model", "model", "--steps", "1", "--seed", "5"}, said);
  const ChildResult check = ChildProcess(folder, {"models", "check", "model"}).wait();
  EXPECT_EQ(check.code, 4);
  EXPECT_THAT(check.out + check.err, HasSubstr(said));
}

INSTANTIATE_TEST_SUITE_P(Files, FolderWith,
                         testing::Values("model_index.json", "unet/config.json", "generation_config.json",
                                         "unet/diffusion_pytorch_model.safetensors",
                                         "scheduler/scheduler_config.json", "tokenizer/tokenizer.json",
                                         "tokenizer/tokenizer_config.json"),
                         [](const auto& info) { return "Row" + std::to_string(info.index); });

TEST(InputFilesTest, TheWorldOfAnEvaluationIsMadeOfFiles) {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "world");
  ASSERT_EQ(mkfifo((folder / "world/world.json").c_str(), 0600), 0);
  expect_refusal(folder, {"eval", "world", "--truth", "--prompts", "1", "--world", "world"}, "got a pipe");
}

/// Runs a line of the shell, in which $REEL is the program.
CommandResult shell(const TemporaryFolder& folder, const std::string& line, const std::string& input = "") {
  return run_command(folder, {"bash", "-c", "REEL=" + shell_quoted(REEL_BINARY) + "; " + line}, input);
}

TEST(InputFilesTest, WhatTheShellOpensAndStandardInputStillWork) {
  const TemporaryFolder folder;
  const std::string words =
      " --model " + shell_quoted(kModel) + " --frames 2 --size 32x16 --steps 1 --seed 5";
  const CommandResult list =
      shell(folder, "$REEL generate --prompts <(echo 'a fox'; echo snow) -o a.gif" + words);
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_EQ(list.out, "a-0001.gif\na-0002.gif\n");
  EXPECT_EQ(shell(folder, "$REEL generate --prompts - -o b.gif" + words, "snow\n").out, "b.gif\n");
  EXPECT_EQ(shell(folder, "$REEL graph check <($REEL graph new generate)").code, 0);
  EXPECT_EQ(shell(folder, "$REEL graph new generate | $REEL graph check -").code, 0);
  EXPECT_EQ(shell(folder, "$REEL models tokenize " + shell_quoted(kModel) + " --input <(echo fox)").code, 0);
}

TEST(InputFilesTest, EndlessInputEnds) {
  const TemporaryFolder folder;
  const CommandResult list = shell(folder, "$REEL generate --prompts - < /dev/zero");
  EXPECT_EQ(list.code, 4);
  EXPECT_THAT(list.err, HasSubstr("[--prompts] '-' has a line of more than 1 MiB"));
  const CommandResult lines = shell(folder, "yes snow | $REEL generate --prompts /dev/stdin");
  EXPECT_EQ(lines.code, 4);
  EXPECT_THAT(lines.err, HasSubstr("[--prompts] '/dev/stdin' has more than 100000 lines"));
  const CommandResult tokens =
      shell(folder, "$REEL models tokenize " + shell_quoted(kModel) + " < /dev/zero");
  EXPECT_EQ(tokens.code, 4);
  EXPECT_THAT(tokens.err, HasSubstr("[--input] '-' has a line of more than 1 MiB"));
  const CommandResult graph = shell(folder, "$REEL graph check - < /dev/zero");
  EXPECT_EQ(graph.code, 3);
  EXPECT_THAT(graph.err, HasSubstr("at most 16 MB"));
}

/// Every verb that prints, as the shell takes it; in a folder with a graph and a video.
const std::vector<std::string>& printing_verbs() {
  static const std::string model = shell_quoted(kModel);
  static const std::string small = " --model " + model + " --frames 2 --size 32x16 --steps 1 --seed 5";
  static const std::vector<std::string> verbs = {
      "--help",
      "--version",
      "generate --help",
      "graph run --help",
      "edits",
      "edits --json",
      "nodes",
      "nodes KSampler",
      "schedulers",
      "models",
      "models list --json",
      "models info " + model,
      "models info --json " + model,
      "models check " + model,
      "models check --json " + model,
      "models tokenize " + model + " --input g.json",
      "doctor",
      "doctor --json",
      "graph new --list",
      "graph new generate",
      "graph show g.json",
      "graph show --svg g.json",
      "graph check g.json",
      "graph check --json g.json",
      "graph diff g.json other.json",
      "generate 'a fox' --dry-run" + small,
      "generate 'a fox' --dry-run --json" + small,
      "generate 'a fox' -y -o new.gif" + small,
      "generate 'a fox' -y -o new.gif --json" + small,
      "replay a.mp4 -y -o again.mp4 --model " + kModel,
      "inspect 'a fox' -y -o maps.png --model " + model,
      "eval world --truth --prompts 1",
      "eval world --truth --prompts 1 --json",
  };
  return verbs;
}

TEST(OutputTest, AFullDiskBehindStdoutIsAnErrorOfEveryVerb) {
  const TemporaryFolder folder;
  ASSERT_EQ(shell(folder, "$REEL graph new generate -o g.json && $REEL graph new empty -o other.json").code,
            0);
  ASSERT_EQ(reel_command(folder, job({"-o", "a.mp4"})).code, 0);
  for (const std::string& verb : printing_verbs()) {
    const CommandResult result = shell(folder, "$REEL " + verb + " > /dev/full");
    EXPECT_EQ(result.code, 4) << verb << "\n" << result.err;
    EXPECT_THAT(result.err, HasSubstr("[stdout] must take what is printed, got: No space left on device"))
        << verb;
    if (!long_tests() && verb.find('-') == std::string::npos) continue;
    const CommandResult closed = shell(folder, "$REEL " + verb + " >&-");
    EXPECT_EQ(closed.code, 4) << verb << "\n" << closed.err;
    EXPECT_THAT(closed.err, HasSubstr("[stdout] must take what is printed, got: Bad file")) << verb;
  }
  EXPECT_TRUE(fs::exists(folder / "new.gif")) << "what is finished stays";
  const CommandResult usage = shell(folder, "$REEL nosuch --json > /dev/full");
  EXPECT_EQ(usage.code, 2) << "the first reason is the better one";
}

TEST(OutputTest, AFileNeverGetsThePlaceOfAClosedStream) {
  const TemporaryFolder folder;
  ASSERT_EQ(reel_command(folder, job({"-o", "a.y4m"})).code, 0);
  const std::string words =
      " --model " + shell_quoted(kModel) + " --frames 2 --size 32x16 --steps 1 --seed 5";
  shell(folder, "$REEL generate 'a fox' -o b.y4m --progress json" + words + " <&- >&- 2>&-");
  EXPECT_EQ(read_file(folder / "b.y4m"), read_file(folder / "a.y4m"));
}

TEST(OutputTest, EndlessResultsEndWhenNobodyTakesThem) {
  const TemporaryFolder folder;
  const CommandResult result =
      shell(folder, "yes fox | $REEL models tokenize " + shell_quoted(kModel) + " > /dev/full");
  EXPECT_EQ(result.code, 4);
  EXPECT_THAT(result.err, HasSubstr("[stdout]"));
}

TEST(WorkingFolderTest, ARemovedOneIsOneSentenceOfEveryVerb) {
  const TemporaryFolder folder;
  ASSERT_EQ(shell(folder, "$REEL graph new generate -o g.json && $REEL graph new empty -o other.json").code,
            0);
  std::vector<std::string> verbs = printing_verbs();
  std::erase_if(verbs,
                [](const std::string& verb) { return verb.find("--") == 0 || verb.ends_with("--help"); });
  verbs.push_back("generate 'a fox' -o " + shell_quoted(folder / "absolute.gif"));
  for (const std::string& verb : verbs) {
    const CommandResult result = shell(folder, "mkdir gone; cd gone; rmdir ../gone; exec $REEL " + verb);
    EXPECT_EQ(result.code, 4) << verb << "\n" << result.err;
    EXPECT_EQ(
        result.err,
        "reel: [working folder] must exist, got one that was removed; change to another (cd) and run this "
        "again\n")
        << verb;
  }
  // These need none.
  EXPECT_EQ(shell(folder, "mkdir gone; cd gone; rmdir ../gone; exec $REEL --version").code, 0);
  EXPECT_EQ(shell(folder, "mkdir gone; cd gone; rmdir ../gone; exec $REEL generate --help").code, 0);
}

}  // namespace reel::input_files_test
