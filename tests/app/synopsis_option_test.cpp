// `reel generate --synopsis`, end to end on a tiny random model.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "models/files/safetensors.h"
#include "tests/support/command.h"
#include "tests/support/golden.h"

namespace reel::synopsis_test {

using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

class SynopsisTest : public testing::Test {
 protected:
  /// A small job on the tiny model, with further words.
  CommandResult generate(const std::vector<std::string>& more, const std::string& input = "") {
    std::vector<std::string> words = {"generate", "--model",   model_,    "--frames", "4",
                                      "--size",   "32x16",     "--steps", "3",        "--seed",
                                      "5",        "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return reel_command(folder_, words, input);
  }
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  const std::string model_ = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";
  TemporaryFolder folder_;
};

TEST_F(SynopsisTest, ASynopsisSpreadsItsStagesOverTheFrames) {
  const auto embeds = [&](const std::vector<std::string>& words, const std::string& name) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"-o", name + ".mp4", "--save-tensors", name + ".safetensors"});
    const CommandResult result = generate(all);
    EXPECT_EQ(result.code, 0) << result.err;
    return models::read_tensor(path(name + ".safetensors").string(), "prompt_embeds");
  };
  std::ofstream(path("stages.txt")) << "a fox\nsnow\n";
  const at::Tensor fox = embeds({"a fox"}, "fox"), snow = embeds({"snow"}, "snow");
  const at::Tensor linear = embeds({"--synopsis", "a fox; snow"}, "linear");
  ASSERT_EQ(linear.size(1), 4);
  // Prompts encoded together may differ in the last bits from ones encoded alone.
  EXPECT_TRUE(close(linear[0][0], fox[0], 0, 1e-5));
  EXPECT_TRUE(close(linear[0][3], snow[0], 0, 1e-5));
  EXPECT_TRUE(close(linear[0][1], fox[0] * (2.0 / 3) + snow[0] * (1.0 / 3), 0, 1e-5));
  EXPECT_TRUE(at::equal(embeds({"--synopsis", "stages.txt"}, "file"), linear));
  EXPECT_TRUE(at::equal(embeds({"--synopsis", "0:a fox; 3:snow"}, "named"), linear));
  EXPECT_TRUE(at::equal(embeds({"--prompt-at", "0:a fox", "--prompt-at", "3:snow"}, "keys"), linear));
  const at::Tensor held = embeds({"--synopsis", "a fox; snow", "--synopsis-blend", "hold"}, "held");
  EXPECT_TRUE(at::equal(held[0][2], linear[0][0]));
  EXPECT_TRUE(at::equal(held[0][3], linear[0][3]));
}

TEST_F(SynopsisTest, ASynopsisOfOneStageIsAPlainPrompt) {
  ASSERT_EQ(generate({"a fox", "-o", "a.mp4", "--save-tensors", "a.safetensors"}).code, 0);
  ASSERT_EQ(generate({"--synopsis", "a fox", "-o", "b.mp4", "--save-tensors", "b.safetensors"}).code, 0);
  for (const char* name : {"prompt_embeds", "latents"}) {
    EXPECT_TRUE(at::equal(models::read_tensor(path("a.safetensors").string(), name),
                          models::read_tensor(path("b.safetensors").string(), name)))
        << name;
  }
}

TEST_F(SynopsisTest, ReplayAndJobListsCarryTheSynopsis) {
  std::ofstream(path("stages.txt")) << "\xEF\xBB\xBF"
                                       "a fox\r\nsnow\r\n";  // as an editor may write it
  const CommandResult made =
      generate({"--synopsis", "stages.txt", "--synopsis-blend", "hold", "-o", "a.mp4", "--json"});
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(json::parse(made.out)["options"]["synopsis"],
            json::parse(R"([{"frame": 0, "text": "a fox"}, {"frame": 3, "text": "snow"}])"));
  fs::remove(path("stages.txt"));  // the recipe has the stages, not the file's name
  const CommandResult again = reel_command(folder_, {"replay", "a.mp4", "--json", "--model", model_});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(json::parse(again.out)["same_frames"].get<bool>());

  const CommandResult listed =
      generate({"--prompts", "-", "--no-recipe", "--json"},
               "{\"synopsis\": \"a fox; snow\", \"synopsis_blend\": \"hold\", \"output\": "
               "\"b.mp4\"}\n");
  ASSERT_EQ(listed.code, 0) << listed.err;
  ASSERT_EQ(
      generate({"--synopsis", "a fox; snow", "--synopsis-blend", "hold", "--no-recipe", "-o", "c.mp4"}).code,
      0);
  EXPECT_EQ(read_file(path("b.mp4").string()), read_file(path("c.mp4").string()));
}

TEST_F(SynopsisTest, SaysOfAStageThatItIsLongerThanTheModelReads) {
  std::string tail;
  for (int i = 0; i < 80; ++i) tail += " fox";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--synopsis", "a fox; a" + tail},
        std::vector<std::string>{"--prompt-at", "0:a fox", "--prompt-at", "3:a" + tail}}) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"-o", "a.mp4", "-y", "--json"});
    const CommandResult result = generate(all);
    ASSERT_EQ(result.code, 0) << result.err;
    const json warnings = json::parse(result.out)["warnings"];
    ASSERT_EQ(warnings.size(), 1) << warnings;
    EXPECT_THAT(warnings[0].get<std::string>(), HasSubstr("the model reads the first 77")) << warnings;
  }
}

TEST_F(SynopsisTest, RefusesWhatDoesNotFitBeforeAnyWork) {
  const auto refused = [&](const std::vector<std::string>& words, int code, const std::string& part) {
    const CommandResult result = generate(words);
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_TRUE(fs::is_empty(folder_.path()));
  };
  refused({"fox", "--synopsis", "a; b"}, 2, "takes the place of a prompt");
  refused({"--synopsis", "a; b", "--prompt-at", "0:a"}, 2, "leave one of them out");
  refused({"--synopsis", "a; b", "--prompts", "-"}, 2, "in their lines");
  refused({"--synopsis", "stages.txt"}, 4, "'stages.txt' does not exist");
  refused({"--synopsis", "a;b;c;d;e"}, 2, "takes at most 4 stages, got 5");
  refused({"--synopsis", "a; b", "--synopsis-blend", "cut"}, 2, "hold");
  refused({"--synopsis", "0:a; 2:b"}, 2, "last stage must be at frame 3");
}

}  // namespace reel::synopsis_test
