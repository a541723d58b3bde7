// `reel generate --preview N`: what appears, when, where, and that it changes nothing.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "pipeline/media/pictures/picture_file.h"
#include "pipeline/media/video_reader.h"
#include "tests/support/child_process.h"
#include "tests/support/command.h"

namespace reel::preview_test {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

std::vector<std::string> job(const std::vector<std::string>& more) {
  std::vector<std::string> words = {"generate", "--model",    kModel,    "--frames", "4",
                                    "--size",   "32x16",      "--steps", "5",        "--seed",
                                    "5",        "--progress", "json"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// "file@step" of each preview event, in order.
std::vector<std::string> previews_in(const std::string& err) {
  std::vector<std::string> seen;
  std::stringstream lines(err);
  for (std::string line; std::getline(lines, line);) {
    const json event = json::parse(line, nullptr, false);
    if (event.is_object() && event.value("stage", "") == "preview")
      seen.push_back(event["file"].get<std::string>() + "@" + std::to_string(event["done"].get<int>()));
  }
  return seen;
}

at::Tensor first_frame(const std::string& path) { return media::VideoReader::open(path)->read().pixels[0]; }

TEST(PreviewTest, EveryFewStepsAnEventNamesThePictureAndItGoesWhenTheVideoIsThere) {
  const TemporaryFolder folder;
  const CommandResult result = reel_command(folder, job({"a fox", "-o", "fox.mp4", "--preview", "2"}));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(previews_in(result.err), ElementsAre("fox.preview.png@2", "fox.preview.png@4"));
  EXPECT_TRUE(fs::exists(folder.path() / "fox.mp4"));
  EXPECT_FALSE(fs::exists(folder.path() / "fox.preview.png"));
}

TEST(PreviewTest, TheVideoIsTheSameBitForBit) {
  const TemporaryFolder with, without;
  const std::vector<std::string> words = {"a fox", "-o", "a.mp4", "--save-tensors", "t.safetensors"};
  ASSERT_EQ(reel_command(without, job(words)).code, 0);
  std::vector<std::string> more = words;
  more.insert(more.end(), {"--preview", "1"});
  const CommandResult result = reel_command(with, job(more));
  ASSERT_EQ(previews_in(result.err).size(), 5u) << result.err;
  for (const char* name : {"a.mp4", "t.safetensors"})
    EXPECT_EQ(read_file(with / name), read_file(without / name)) << name;
}

TEST(PreviewTest, AfterTheLastStepItIsTheMiddleFrame) {
  const TemporaryFolder folder;
  ASSERT_EQ(reel_command(folder, job({"a fox", "-o", "f_%d.png"})).code, 0);
  // The preview fits below the limit, the video does not: what stays is the preview of the last step.
  ChildProcess child(folder, job({"a fox", "-o", "a.y4m", "--preview", "1"}), 4000);
  const ChildResult result = child.wait();
  ASSERT_EQ(result.code, 4) << result.err;
  const std::string bytes = read_file(folder / "a.preview.png");
  EXPECT_EQ(media::inspect_picture("a.preview.png", bytes).text.at("reel_preview"), "step 5 of 5");
  const at::Tensor preview = first_frame(folder / "a.preview.png").to(at::kInt),
                   frame = first_frame(folder / "f_3.png").to(at::kInt);
  EXPECT_LE((preview - frame).abs().max().item<int>(), 1) << "decoded alone, values may round otherwise";
  EXPECT_GT((preview - first_frame(folder / "f_1.png").to(at::kInt)).abs().max().item<int>(), 1);
}

TEST(PreviewTest, EachJobHasItsOwnAndSoHasEachVideoOfAComparison) {
  const TemporaryFolder folder;
  write_file(folder / "jobs.txt", "a fox\n{\"prompt\": \"snow\", \"output\": \"own.gif\", \"preview\": 5}\n");
  const CommandResult list =
      reel_command(folder, job({"--prompts", "jobs.txt", "-o", "f_%03d.png", "--preview", "3"}));
  ASSERT_EQ(list.code, 0) << list.err;
  EXPECT_THAT(previews_in(list.err), ElementsAre("f-0001.preview.png@3", "own.preview.png@5"));
  const CommandResult both = reel_command(folder, job({"a fox", "-o", "x.mp4", "--compare", "--edit",
                                                       "scale:factor=1.5@kind=temporal", "--preview", "4"}));
  ASSERT_EQ(both.code, 0) << both.err;
  EXPECT_THAT(previews_in(both.err),
              testing::UnorderedElementsAre("x.preview.png@4", "x-unedited.preview.png@4"));
  for (const auto& entry : fs::directory_iterator(folder.path()))
    EXPECT_EQ(entry.path().string().find(".preview."), std::string::npos) << entry.path();
}

TEST(PreviewTest, ReplacesAnEarlierPreviewAndNoOtherFile) {
  const TemporaryFolder folder;
  write_file(folder / "a.preview.png", "precious");
  const CommandResult refused = reel_command(folder, job({"a fox", "-o", "a.y4m", "--preview", "2"}));
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.err, HasSubstr("a.preview.png"));
  EXPECT_EQ(read_file(folder / "a.preview.png"), "precious");
  EXPECT_FALSE(fs::exists(folder.path() / "a.y4m"));
  fs::remove(folder.path() / "a.preview.png");
  EXPECT_EQ(ChildProcess(folder, job({"a fox", "-o", "a.y4m", "--preview", "2"}), 4000).wait().code, 4);
  ASSERT_TRUE(fs::exists(folder.path() / "a.preview.png")) << "what a failed run leaves";
  EXPECT_EQ(reel_command(folder, job({"a fox", "-o", "a.y4m", "--preview", "2"})).code, 0);
  EXPECT_FALSE(fs::exists(folder.path() / "a.preview.png"));
}

TEST(PreviewTest, OneThatCannotBeWrittenCostsAWarningAndNotTheVideo) {
  const TemporaryFolder folder;
  ChildProcess child(folder,
                     job({"a fox", "-o", "a.mp4", "--size", "128x96", "--crf", "51", "--frames", "2",
                          "--no-recipe", "--preview", "1"}),
                     12'000);
  const ChildResult result = child.wait();
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(fs::exists(folder.path() / "a.mp4"));
  const size_t warning = result.err.find("no further previews: [a.preview.png]");
  ASSERT_NE(warning, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("no further previews", warning + 10), std::string::npos) << "once";
  EXPECT_FALSE(fs::exists(folder.path() / "a.preview.png"));
}

TEST(PreviewTest, FewerThanOneStepIsRefused) {
  const TemporaryFolder folder;
  for (const char* steps : {"0", "-3"}) {
    const CommandResult result =
        reel_command(folder, job({"a fox", "-o", "a.mp4", "--preview=" + std::string(steps)}));
    EXPECT_EQ(result.code, 2);
    EXPECT_THAT(result.err, HasSubstr("[--preview] must be a number of steps from 1 up, got " +
                                      std::string(steps) + "; for example --preview 5"));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

}  // namespace reel::preview_test
