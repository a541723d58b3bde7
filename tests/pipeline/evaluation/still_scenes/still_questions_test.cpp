// What POPE's three kinds of questions ask for.
#include "pipeline/evaluation/still_scenes/still_questions.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "pipeline/media/pictures/picture_reader.h"
#include "tests/support/world.h"

namespace reel::world::still_questions_test {

class StillQuestionsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!media::can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
    Dice dice(4);
    for (int i = 0; i < 200; ++i) scenes_.push_back(sample_still(bundled_still_world(), dice, true));
    questions_ = still_questions(bundled_still_world(), scenes_, dice);
  }
  std::vector<StillScene> scenes_;
  std::array<std::vector<StillQuestion>, 3> questions_;
};

TEST_F(StillQuestionsTest, HalfOfTheAnswersAreYesAndTrue) {
  for (const auto& split : questions_) {
    std::map<size_t, std::pair<int, int>> counts;
    std::set<std::pair<size_t, int>> asked;
    for (const StillQuestion& question : split) {
      bool drawn = false;
      for (const StillKind& kind : scenes_[question.scene].drawn) drawn |= kind.object == question.object;
      EXPECT_EQ(question.yes, drawn);
      EXPECT_TRUE(asked.emplace(question.scene, question.object).second);
      ++(question.yes ? counts[question.scene].first : counts[question.scene].second);
    }
    EXPECT_EQ(counts.size(), scenes_.size());
    for (const auto& [scene, count] : counts) {
      EXPECT_EQ(count.first, count.second);
      EXPECT_EQ(size_t(count.first), std::min<size_t>(scenes_[scene].drawn.size(), 2));
    }
  }
}

TEST_F(StillQuestionsTest, SplitsDifferInWhatIsNotThere) {
  const StillWorld& still = bundled_still_world();
  const auto frequent = [&](int object) { return still.frequency[object]; };
  double random = 0, popular = 0;
  for (size_t q = 0; q < questions_[0].size(); ++q) {
    const auto& [any, often, likely] = std::tuple(questions_[0][q], questions_[1][q], questions_[2][q]);
    if (any.yes) {
      EXPECT_EQ(any.object, often.object) << "the same drawn objects in every split";
      EXPECT_EQ(any.object, likely.object);
      continue;
    }
    random += frequent(any.object), popular += frequent(often.object);
    // On scenes without partners, as many objects are missing as are drawn.
    const std::vector<int>& missing = scenes_[likely.scene].missing;
    EXPECT_NE(std::ranges::find(missing, likely.object), missing.end());
  }
  EXPECT_GT(popular, 1.5 * random);
}

TEST_F(StillQuestionsTest, AsksWithTheRightArticle) {
  const StillWorld& still = bundled_still_world();
  EXPECT_EQ(question_text(still, still.world.object_index("owl")), "Is there an owl in the image?");
  EXPECT_EQ(question_text(still, still.world.object_index("boat")), "Is there a boat in the image?");
  EXPECT_EQ(name_of(QuestionSplit::kAdversarial), "adversarial");
}

}  // namespace reel::world::still_questions_test
