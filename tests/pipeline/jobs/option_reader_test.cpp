#include "pipeline/jobs/option_reader.h"

#include <gmock/gmock.h>

namespace reel::pipeline::option_reader_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

GenerateOptions read(const std::string& text) {
  GenerateOptions options;
  read_options("jobs.txt, line 3", text, options);
  return options;
}

std::string refusal(const std::string& text) {
  try {
    read(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "taken";
}

TEST(OptionReaderTest, ReadsEachTypeOfOption) {
  const GenerateOptions options = read(
      R"({"prompt": "a fox", "edit": ["vstar", "scale:factor=2"], "frames": 8, "fps": 12.5, "guidance": 4,
          "compare": true, "crf": 0, "seed": 18446744073709551615, "synopsis_blend": "hold", "o": "a.mp4"})");
  EXPECT_EQ(options.prompt, "a fox");
  EXPECT_THAT(options.edits, ElementsAre("vstar", "scale:factor=2"));
  EXPECT_EQ(options.frames, 8);
  EXPECT_EQ(options.fps, 12.5);
  EXPECT_EQ(options.guidance, 4.0) << "a number may be written as an integer";
  EXPECT_TRUE(options.compare);
  EXPECT_EQ(options.crf, 0);
  EXPECT_EQ(options.seed, UINT64_MAX);
  EXPECT_EQ(options.prompt_blend, "hold");
  EXPECT_EQ(options.output, "a.mp4");
  EXPECT_EQ(options.steps, std::nullopt) << "what is not named stays";
}

TEST(OptionReaderTest, ReplacesTheValuesOfRepeatableOptions) {
  GenerateOptions options;
  options.edits = {"scale"}, options.loras = {"a", "b"}, options.prompt_keys = {"0:a"};
  read_options("line 1", R"({"edit": "vstar", "lora": [], "prompt_at": ["0:b", "3:c"]})", options);
  EXPECT_THAT(options.edits, ElementsAre("vstar"));
  EXPECT_THAT(options.loras, ElementsAre());
  EXPECT_THAT(options.prompt_keys, ElementsAre("0:b", "3:c"));
}

TEST(OptionReaderTest, NamesPlaceKeyExpectationAndValue) {
  EXPECT_EQ(
      refusal(R"({"frames": 4.7})"),
      "[jobs.txt, line 3] 'frames' must be an integer from 1 to 4096, got 4.7; see reel generate --help");
  EXPECT_EQ(refusal(R"({"crf": 99})"),
            "[jobs.txt, line 3] 'crf' must be an integer from 0 to 63, got 99; see reel generate --help");
  EXPECT_EQ(
      refusal(R"({"prompt_at": ["0:a", 3]})"),
      "[jobs.txt, line 3] 'prompt_at' must be a text or a list of texts, got [\"0:a\",3]; see reel generate "
      "--help");
  EXPECT_EQ(refusal(R"({"guidence": 3})"),
            "[jobs.txt, line 3] the option 'guidence' is not known; did you mean 'guidance'?");
  EXPECT_EQ(refusal(R"({"bananas": 3})"),
            "[jobs.txt, line 3] the option 'bananas' is not known; use the names of reel generate --help");
  EXPECT_EQ(refusal(R"({"prompt": "a", "prompt": "b"})"),
            "[jobs.txt, line 3] has 'prompt' twice; keep one of them");
  EXPECT_EQ(refusal(R"({"prompt-blend": "hold", "synopsis_blend": "hold"})"),
            "[jobs.txt, line 3] 'prompt-blend' and 'synopsis_blend' are one option; keep one of them");
  EXPECT_EQ(
      refusal(R"({"seed": -1})"),
      "[jobs.txt, line 3] 'seed' must be an integer from 0 to 2^64-1, got -1; leave it out for a random one");
  EXPECT_THAT(refusal(R"({"prompt": "a", "steps": 3x})"),
              HasSubstr("at 'steps', parse error at line 1, column "));
  EXPECT_THAT(refusal(R"({"frames": ")" + std::string(5000, 'x') + "\"}"), HasSubstr("xxx...; see"));
}

TEST(OptionReaderTest, ConvertsNoValue) {
  for (const char* text : {R"({"frames": 4.0})",
                           R"({"frames": "4"})",
                           R"({"frames": true})",
                           R"({"frames": null})",
                           R"({"frames": [4]})",
                           R"({"frames": 0})",
                           R"({"frames": 4097})",
                           R"({"frames": -1})",
                           R"({"frames": 18446744073709551615})",
                           R"({"preview": 18446744073709551615})",
                           R"({"preview": 1.5})",
                           R"({"clip-skip": 24})",
                           R"({"clip-skip": 1.5})",
                           R"({"crf": -1})",
                           R"({"fps": 0})",
                           R"({"fps": 1000.5})",
                           R"({"fps": "8"})",
                           R"({"fps": false})",
                           R"({"guidance": -0.1})",
                           R"({"guidance-rescale": 1.01})",
                           R"({"seed": -1})",
                           R"({"seed": 1.0})",
                           R"({"seed": 18446744073709551616})",
                           R"({"seed": "1"})",
                           R"({"prompt": 3})",
                           R"({"prompt": ["a"]})",
                           R"({"compare": 1})",
                           R"({"compare": "true"})",
                           R"({"edit": 3})",
                           R"({"edit": [3]})",
                           R"({"edit": {}})",
                           R"({"prompt-blend": "cut"})",
                           R"({"prompt-blend": "Linear"})",
                           R"({"prompt-blend": 1})"})
    EXPECT_THAT(refusal(text), StartsWith("[jobs.txt, line 3] '")) << text;
}

TEST(OptionReaderTest, TakesTheBoundsOfARange) {
  EXPECT_EQ(read(R"({"frames": 1})").frames, 1);
  EXPECT_EQ(read(R"({"frames": 4096})").frames, 4096);
  EXPECT_EQ(read(R"({"fps": 0.01})").fps, 0.01);
  EXPECT_EQ(read(R"({"fps": 1000})").fps, 1000.0);
  EXPECT_EQ(read(R"({"crf": 63})").crf, 63);
  EXPECT_EQ(read(R"({"seed": 0})").seed, 0u);
}

TEST(OptionReaderTest, RefusesWhatIsNoObject) {
  for (const char* text : {"{", "{\"frames\": }", "{\"prompt\": \"caf\xff\"}", "{} {}", "{\"fps\": 1e999}"})
    EXPECT_THAT(refusal(text), StartsWith("[jobs.txt, line 3] must be a text or a JSON object of options: "))
        << text;
  for (const char* text : {"[]", "3", "\"fox\"", "null"})
    EXPECT_THAT(refusal(text), StartsWith("[jobs.txt, line 3] must be a JSON object of options, got "))
        << text;
  EXPECT_EQ(read("{}"), GenerateOptions{});
}

}  // namespace reel::pipeline::option_reader_test
