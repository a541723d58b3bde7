#include "pipeline/jobs/prompt_lines.h"

#include <gmock/gmock.h>

#include <sstream>

namespace reel::pipeline::prompt_lines_test {

using testing::HasSubstr;

std::vector<GenerateOptions> read(const std::string& text, const GenerateOptions& base = {}) {
  std::istringstream stream(text);
  return read_prompt_lines(stream, "jobs.txt", base);
}

std::string refusal(const std::string& text, const GenerateOptions& base = {}) {
  try {
    read(text, base);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "taken";
}

TEST(PromptLinesTest, ALineIsAPromptOrAnObjectAndTheRestIsTheBase) {
  GenerateOptions base;
  base.steps = 7, base.negative = "snow";
  const auto jobs = read("  a fox \t\r\n\n{\"prompt\": \"a dog\", \"steps\": 9}\n", base);
  ASSERT_EQ(jobs.size(), 2u);
  GenerateOptions fox = base, dog = base;
  fox.prompt = "a fox", dog.prompt = "a dog", dog.steps = 9;
  EXPECT_EQ(jobs[0], fox);
  EXPECT_EQ(jobs[1], dog);
}

TEST(PromptLinesTest, NumbersTheFilesThatLinesDoNotName) {
  GenerateOptions base;
  base.output = "f_%03d.png", base.save_graph = "g.json";
  const auto jobs = read("a\n{\"output\": \"own.mp4\"}\nc\n", base);
  EXPECT_EQ(jobs[0].output, "f-0001_%03d.png");
  EXPECT_EQ(jobs[0].save_graph, "g-0001.json");
  EXPECT_EQ(jobs[1].output, "own.mp4");
  EXPECT_EQ(jobs[1].save_graph, "g-0002.json");
  EXPECT_EQ(jobs[2].output, "f-0003_%03d.png");
  EXPECT_EQ(jobs[2].save_tensors, "") << "no file was asked for";
  EXPECT_EQ(read("a", base)[0].output, "f_%03d.png") << "one job needs no number";
}

TEST(PromptLinesTest, ALineMayNotAskForFilesToBeReplaced) {
  for (const char* option : {"\"overwrite\": true", "\"y\": true", "\"save_graph\": \"/home/me/notes\"",
                             "\"save-tensors\": \"/home/me/notes\""})
    EXPECT_THAT(refusal(std::string("{\"prompt\": \"a\", ") + option + "}"), HasSubstr("on the command line"))
        << option;
}

TEST(PromptLinesTest, ErrorsNameTheLineOfTheFile) {
  EXPECT_THAT(refusal("a\n\n{\"frames\": 4.7}"),
              HasSubstr("[--prompts, line 3] 'frames' must be an integer"));
  EXPECT_THAT(refusal("\n \n"), HasSubstr("'jobs.txt' holds no prompts"));
  GenerateOptions base;
  base.synopsis = "a; b";
  EXPECT_THAT(refusal("a", base), HasSubstr("in their lines"));
}

}  // namespace reel::pipeline::prompt_lines_test
