// POPE: reading questions, reading answers, and their shares.
#include "pipeline/evaluation/hallucination/pope.h"

#include <gmock/gmock.h>

#include <sstream>

namespace reel::evaluation::pope_test {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<PopeQuestion> read(const std::string& text) {
  std::istringstream stream(text);
  return read_pope(stream, "pope.json");
}

TEST(PopeTest, ReadsBothPublishedForms) {
  const char* const kOne =
      R"({"question_id": 1, "image": "a.jpg", "text": "Is there a dog?", "label": "yes"})";
  const char* const kTwo =
      R"({"question_id": 2, "image": "a.jpg", "text": "Is there a cat?", "label": "no"})";
  for (const std::string& text :
       {std::string(kOne) + "\n" + kTwo + "\n\n", std::string(" [\n") + kOne + ",\n" + kTwo + "]"}) {
    const auto questions = read(text);
    ASSERT_EQ(questions.size(), 2u);
    EXPECT_EQ(questions[1].id, 2);
    EXPECT_EQ(questions[0].image, "a.jpg");
    EXPECT_EQ(questions[0].text, "Is there a dog?");
    EXPECT_TRUE(questions[0].yes);
    EXPECT_FALSE(questions[1].yes);
  }
}

TEST(PopeTest, NamesThePlaceOfWhatIsNoQuestion) {
  EXPECT_THAT([] { read("{\"image\": \"a\", \"text\": \"b\"}"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("[pope.json, line 1] must have the text 'label'")));
  EXPECT_THAT([] { read("\n\n{"); }, ThrowsMessage<std::runtime_error>(HasSubstr("is no JSON")));
  EXPECT_THAT([] { read("[1]"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("question 1] must have the text 'image'")));
  EXPECT_THAT([] { read(" \n"); }, ThrowsMessage<std::runtime_error>(HasSubstr("holds no questions")));
}

TEST(PopeTest, ReadsAnswersByPopesRule) {
  for (const char* yes : {"Yes", "yes, there is.", "", "Yes. No", "NO", "There is nothing"})
    EXPECT_TRUE(says_yes(yes)) << yes;
  for (const char* no : {"No", "no,", "There is not a dog", "No, there is no dog."})
    EXPECT_FALSE(says_yes(no)) << no;
}

TEST(PopeTest, CountsYesAsPositive) {
  const PopeScore score = pope_score({true, true, false, false}, {true, false, true, true});
  EXPECT_DOUBLE_EQ(score.accuracy, 0.25);
  EXPECT_DOUBLE_EQ(score.precision, 1.0 / 3);
  EXPECT_DOUBLE_EQ(score.recall, 0.5);
  EXPECT_DOUBLE_EQ(score.f1, 0.4);
  EXPECT_DOUBLE_EQ(score.yes_ratio, 0.75);
  EXPECT_EQ(pope_score({true}, {false}).precision, 0) << "without an answer of yes";
  EXPECT_THROW(pope_score({true}, {}), std::invalid_argument);
}

TEST(PopeTest, TheAreaSaysWhatCouldBeToldApart) {
  EXPECT_DOUBLE_EQ(*area_under_curve({true, true, false}, {3, 2, 1}), 1);
  EXPECT_DOUBLE_EQ(*area_under_curve({true, false}, {1, 1}), 0.5);
  EXPECT_DOUBLE_EQ(*area_under_curve({true, false, true, false}, {4, 3, 2, 1}), 0.75);
  EXPECT_FALSE(area_under_curve({true, true}, {1, 2}));
}

}  // namespace reel::evaluation::pope_test
