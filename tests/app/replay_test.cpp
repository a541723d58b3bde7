// `reel replay`: into every format, and with nothing that it does not use.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/command.h"

namespace reel::replay_test {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

class ReplayTest : public testing::Test {
 protected:
  void make(const std::string& output, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"generate", "a fox",   "--model", kModel,   "--frames", "4",  "--size",
                                      "32x16",    "--steps", "1",       "--seed", "5",        "-o", output};
    words.insert(words.end(), more.begin(), more.end());
    const CommandResult made = reel_command(folder_, words);
    ASSERT_EQ(made.code, 0) << made.err;
  }
  CommandResult replay(std::vector<std::string> words) {
    words.insert(words.begin(), "replay");
    words.insert(words.end(), {"--model", kModel, "--json"});
    return reel_command(folder_, words);
  }
  TemporaryFolder folder_;
};

TEST_F(ReplayTest, MakesPicturesToo) {
  make("a.mp4");
  const CommandResult result = replay({"a.mp4", "-o", "p%d.png"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(json::parse(result.out).at("same_frames"));
  for (int i = 1; i <= 4; ++i) EXPECT_TRUE(fs::exists(folder_ / ("p" + std::to_string(i) + ".png")));
  const CommandResult one = replay({"a.mp4", "-o", "one.png"});
  EXPECT_EQ(one.code, 2) << one.err;
  EXPECT_THAT(one.err, HasSubstr("is one picture, got 4 frames"));
  const CommandResult of_one = replay({"p1.png", "-o", "b.mp4"});
  EXPECT_EQ(of_one.code, 4) << of_one.err;
  EXPECT_THAT(of_one.err, HasSubstr("is one picture, its recipe makes 4"));
}

TEST_F(ReplayTest, CodecAndQualityOfAnotherFormatStayBehind) {
  make("a.mp4", {"--codec", "h265", "--crf", "40"});
  for (const char* output : {"b.gif", "b.webm", "b.y4m", "b_%02d.png"}) {
    const CommandResult result = replay({"a.mp4", "-o", output});
    ASSERT_EQ(result.code, 0) << output << result.err;
    EXPECT_TRUE(json::parse(result.out).at("same_frames")) << output;
  }
}

TEST_F(ReplayTest, WhatTheRecipeDoesNotUseIsRefused) {
  make("a.mp4");
  const CommandResult file = replay({"a.mp4", "--file", "/nope", "-o", "b.mp4"});
  EXPECT_EQ(file.code, 2) << file.err;
  EXPECT_THAT(file.err, AllOf(HasSubstr("[--file] '/nope' changes nothing"), HasSubstr("needs no files")));
  const CommandResult adapter = replay({"a.mp4", "--motion-adapter", "/nope", "-o", "b.mp4"});
  EXPECT_EQ(adapter.code, 2) << adapter.err;
  EXPECT_THAT(adapter.err, HasSubstr("[--motion-adapter] '/nope' changes nothing"));
  EXPECT_FALSE(fs::exists(folder_ / "b.mp4"));

  make("start.mp4", {"--save-tensors", "t.safetensors"});
  make("c.mp4", {"--init-latents", "t.safetensors"});
  const CommandResult other = replay({"c.mp4", "--file", "t.safetensors", "--file", "u.safetensors"});
  EXPECT_EQ(other.code, 2) << other.err;
  EXPECT_THAT(other.err,
              AllOf(HasSubstr("'u.safetensors' changes nothing"), HasSubstr("needs 't.safetensors'")));
  EXPECT_EQ(replay({"c.mp4", "--file", "t.safetensors"}).code, 0);
}

}  // namespace reel::replay_test
