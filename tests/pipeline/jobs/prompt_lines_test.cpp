#include "pipeline/jobs/prompt_lines.h"

#include <gmock/gmock.h>

#include <sstream>

namespace reel::pipeline::prompt_lines_test {

using testing::HasSubstr;

std::vector<PromptLine> read_lines(const std::string& text, const GenerateOptions& base = {}) {
  std::istringstream stream(text);
  return read_prompt_lines(stream, "jobs.txt", base);
}

std::vector<GenerateOptions> read(const std::string& text, const GenerateOptions& base = {}) {
  std::vector<GenerateOptions> jobs;
  for (const PromptLine& line : read_lines(text, base)) {
    if (!line.fault.empty()) throw std::invalid_argument(line.fault);
    jobs.push_back(line.options);
  }
  return jobs;
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
  const auto jobs = read("a\n{\"prompt\": \"b\", \"output\": \"own.mp4\"}\nc\n", base);
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

TEST(PromptLinesTest, SkipsCommentsBlankLinesAndTheByteOrderMark) {
  const auto lines = read_lines(
      "\xEF\xBB\xBF{\"prompt\": \"a\"}\r\n  # not this\n\n \t\nb # not a comment\n{\"frames\": 0}");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].options.prompt, "a");
  EXPECT_EQ(lines[1].number, 5);
  EXPECT_EQ(lines[1].options.prompt, "b # not a comment");
  EXPECT_EQ(lines[2].number, 6);
  EXPECT_THAT(lines[2].fault,
              HasSubstr("[--prompts, line 6] 'frames' must be an integer from 1 to 4096, got 0"));
}

TEST(PromptLinesTest, ALineNeedsAPromptAndAPromptALine) {
  GenerateOptions base;
  EXPECT_THAT(refusal("{\"steps\": 3}"), HasSubstr("[--prompts, line 1] needs a prompt"));
  base.prompt = "a fox";
  EXPECT_EQ(refusal("{\"steps\": 3}\nb", base), "taken") << "the first line uses it";
  EXPECT_THAT(refusal("a\nb", base), HasSubstr("got 'a fox' too; leave it out"));
}

TEST(PromptLinesTest, NamesOutputsByPromptAndPlaceInTheList) {
  auto lines =
      read_lines("A fox!\n{\"prompt\": \"b\", \"output\": \"own.mp4\"}\na fox\n{\"synopsis\": \"x; y\"}\n");
  name_outputs(lines);
  EXPECT_EQ(lines[0].options.output, "a-fox.mp4");
  EXPECT_EQ(lines[1].options.output, "own.mp4");
  EXPECT_EQ(lines[2].options.output, "a-fox-2.mp4");
  EXPECT_EQ(lines[3].options.output, "x-y.mp4");
}

TEST(PromptLinesTest, TwoLinesDoNotWriteOneFile) {
  auto lines = read_lines(
      "{\"prompt\": \"a\", \"output\": \"x.mp4\", \"compare\": true}\n"
      "{\"prompt\": \"b\", \"output\": \"./x-unedited.mp4\"}\n"
      "{\"prompt\": \"c\", \"output\": \"y.mp4\"}\n");
  refuse_equal_outputs(lines);
  EXPECT_EQ(lines[0].fault, "");
  EXPECT_THAT(lines[1].fault, HasSubstr("[--prompts, line 2] writes './x-unedited.mp4', as line 1 does"));
  EXPECT_EQ(lines[2].fault, "");
}

}  // namespace reel::pipeline::prompt_lines_test
