// The numbers with intervals are those of chair_score, pope_score and area_under_curve.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "pipeline/evaluation/hallucination/chair_metrics.h"
#include "pipeline/evaluation/hallucination/pope_metrics.h"

namespace reel::evaluation::metrics_test {

double value_of(const std::vector<UnitMetric>& metrics, const std::string& key, size_t units) {
  for (const UnitMetric& metric : metrics) {
    if (metric.key == key) return estimate(metric, units).value;
  }
  ADD_FAILURE() << "no " << key;
  return 0;
}

TEST(ChairMetricsTest, AreChairsShares) {
  const auto captions = std::make_shared<std::vector<ScoredCaption>>(std::vector<ScoredCaption>{
      {{.mentions = {"dog", "dog", "cat", "bat"}, .truth = {"dog", "bus"}, .words = 9}, {"cat", "car"}},
      {{.mentions = {"boat"}, .truth = {"boat"}, .words = 3}, {}},
      {{.mentions = {}, .truth = {"car"}, .words = 0}, {}}});
  std::vector<CaptionObjects> plain;
  for (const ScoredCaption& one : *captions) plain.push_back(one.objects);
  const ChairScore score = chair_score(plain);
  const std::vector<UnitMetric> metrics = chair_metrics(captions);
  EXPECT_DOUBLE_EQ(value_of(metrics, "chair_i", 3), score.chair_i);
  EXPECT_DOUBLE_EQ(value_of(metrics, "chair_s", 3), score.chair_s);
  EXPECT_DOUBLE_EQ(value_of(metrics, "recall", 3), score.recall);
  EXPECT_DOUBLE_EQ(value_of(metrics, "precision", 3), score.precision);
  EXPECT_DOUBLE_EQ(value_of(metrics, "f1", 3), score.f1());
  EXPECT_DOUBLE_EQ(value_of(metrics, "length", 3), score.length);
  EXPECT_DOUBLE_EQ(value_of(metrics, "expected", 3), 0.5) << "the cat, and not the bat";
}

TEST(ChairMetricsTest, WithoutExpectationsNoneIsCounted) {
  const auto captions =
      std::make_shared<std::vector<ScoredCaption>>(std::vector<ScoredCaption>{{{{"dog"}, {"dog"}, 1}, {}}});
  for (const UnitMetric& metric : chair_metrics(captions)) EXPECT_NE(metric.key, "expected");
}

TEST(PopeMetricsTest, ArePopesNumbers) {
  const std::vector<bool> truth = {true, false, true, false, true, false};
  const std::vector<bool> said = {true, true, true, false, false, false};
  const std::vector<double> margins = {2, 1, 3, -1, -0.5, 0.5};
  std::vector<AnsweredQuestion> answers;
  for (size_t i = 0; i < truth.size(); ++i) answers.push_back({i / 2, truth[i], said[i], margins[i]});
  const PopeScore score = pope_score(truth, said);
  const std::vector<UnitMetric> metrics = pope_metrics(answers, 3);
  EXPECT_DOUBLE_EQ(value_of(metrics, "accuracy", 3), score.accuracy);
  EXPECT_DOUBLE_EQ(value_of(metrics, "precision", 3), score.precision);
  EXPECT_DOUBLE_EQ(value_of(metrics, "recall", 3), score.recall);
  EXPECT_DOUBLE_EQ(value_of(metrics, "f1", 3), score.f1);
  EXPECT_DOUBLE_EQ(value_of(metrics, "yes_ratio", 3), score.yes_ratio);
  EXPECT_DOUBLE_EQ(value_of(metrics, "auc", 3), *area_under_curve(truth, margins));
}

TEST(PopeMetricsTest, TheCurveOfRepeatedPicturesIsThatOfTheirQuestions) {
  const std::vector<AnsweredQuestion> answers = {{0, true, true, 2},   {0, false, true, 2},
                                                 {1, true, true, -1},  {1, false, true, 0},
                                                 {2, true, true, 0.5}, {2, false, true, 3}};
  const std::vector<size_t> units = {0, 2, 2, 1, 0};
  std::vector<bool> truth;
  std::vector<double> margins;
  for (const size_t unit : units) {
    for (size_t q = 2 * unit; q < 2 * unit + 2; ++q)
      truth.push_back(answers[q].truth), margins.push_back(answers[q].margin);
  }
  const UnitMetric auc = pope_metrics(answers, 3).back();
  ASSERT_EQ(auc.key, "auc");
  EXPECT_DOUBLE_EQ(auc.of(units), *area_under_curve(truth, margins));
  EXPECT_TRUE(std::isnan(auc.of({})));
}

TEST(PopeMetricsTest, WithoutAMarginThereIsNoCurve) {
  const std::vector<AnsweredQuestion> answers = {{0, true, true, std::nan("")}, {0, false, true, 1}};
  for (const UnitMetric& metric : pope_metrics(answers, 1)) EXPECT_NE(metric.key, "auc");
}

}  // namespace reel::evaluation::metrics_test
