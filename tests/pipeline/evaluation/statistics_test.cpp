// Intervals against values that are known from elsewhere.
#include "pipeline/evaluation/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "pipeline/evaluation/world/scene.h"

namespace reel::world::statistics_test {

TEST(ProportionTest, EqualsPublishedWilsonIntervals) {
  // R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
  struct Case {
    int64_t successes, trials;
    double low, high;
  };
  for (const Case& c : {Case{81, 263, 0.2553, 0.3662}, Case{15, 148, 0.0624, 0.1605}, Case{0, 20, 0, 0.1611},
                        Case{1, 29, 0.0061, 0.1718}}) {
    const Estimate found = proportion(c.successes, c.trials);
    EXPECT_NEAR(found.value, static_cast<double>(c.successes) / static_cast<double>(c.trials), 1e-12);
    EXPECT_NEAR(found.low, c.low, 5e-5) << c.successes << "/" << c.trials;
    EXPECT_NEAR(found.high, c.high, 5e-5) << c.successes << "/" << c.trials;
  }
}

TEST(ProportionTest, IsSymmetricAndStaysWithinItsBounds) {
  for (int64_t k = 0; k <= 10; ++k) {
    const Estimate a = proportion(k, 10), b = proportion(10 - k, 10);
    EXPECT_NEAR(a.low, 1 - b.high, 1e-12);
    EXPECT_GE(a.low, 0);
    EXPECT_LE(a.high, 1);
  }
  EXPECT_EQ(proportion(0, 10).low, 0);
  EXPECT_EQ(proportion(10, 10).high, 1);
  EXPECT_TRUE(std::isnan(proportion(0, 0).value));
  EXPECT_THROW(proportion(3, 2), std::invalid_argument);
  EXPECT_THROW(proportion(-1, 2), std::invalid_argument);
}

TEST(ClusteredProportionTest, SingleTrialsAreWilsons) {
  std::vector<Cluster> clusters;
  for (int i = 0; i < 30; ++i) clusters.push_back({i < 12, 1});
  const Estimate found = proportion(clusters), expected = proportion(12, 30);
  EXPECT_NEAR(found.low, expected.low, 1e-12);
  EXPECT_NEAR(found.high, expected.high, 1e-12);
  EXPECT_EQ(found.count, 30);
}

TEST(ClusteredProportionTest, TrialsThatAlwaysAgreeCountOnce) {
  std::vector<Cluster> pairs;
  for (int i = 0; i < 30; ++i) pairs.push_back({i < 12 ? 2 : 0, 2});
  const Estimate found = proportion(pairs), expected = proportion(12, 30);
  EXPECT_NEAR(found.low, expected.low, 1e-9);
  EXPECT_NEAR(found.high, expected.high, 1e-9);
  EXPECT_EQ(found.count, 60);
  // Where all succeed, agreement cannot be told from chance: the wider interval.
  const std::vector<Cluster> perfect(30, Cluster{2, 2});
  EXPECT_NEAR(proportion(perfect).low, proportion(30, 30).low, 1e-12);
  EXPECT_TRUE(std::isnan(proportion(std::vector<Cluster>{}).value));
  EXPECT_THROW(proportion(std::vector<Cluster>{{3, 2}}), std::invalid_argument);
}

TEST(BootstrapTest, CoversTheMeanOfNormalValuesAsOftenAsItSays) {
  Dice dice(1);
  int covered = 0;
  const int runs = 400;
  for (int run = 0; run < runs; ++run) {
    std::vector<double> values(40);
    for (double& value : values) value = 5 + 2 * dice.normal();
    const Estimate found = bootstrap_mean(values, static_cast<uint64_t>(run), 400);
    covered += found.low <= 5 && 5 <= found.high;
  }
  // The percentile interval of 40 values is known to cover a little less: about 94 %.
  EXPECT_GT(covered, runs * 0.90);
  EXPECT_LT(covered, runs * 0.98);
}

TEST(BootstrapTest, TheSameSeedGivesTheSameInterval) {
  const std::vector<double> values = {0.93, 4.21, 2.36, 8.07, 5.58, 7.45};
  const Estimate a = bootstrap_mean(values, 3), b = bootstrap_mean(values, 3), c = bootstrap_mean(values, 4);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_TRUE(a.low != c.low || a.high != c.high);
  EXPECT_NEAR(a.value, 28.6 / 6, 1e-12);
  EXPECT_LT(a.low, a.value);
  EXPECT_GT(a.high, a.value);
}

TEST(BootstrapTest, OneValueHasNoWidthAndNoneIsUnknown) {
  const std::vector<double> one = {3};
  EXPECT_EQ(bootstrap_mean(one).low, 3);
  EXPECT_EQ(bootstrap_mean(one).high, 3);
  EXPECT_TRUE(std::isnan(bootstrap_mean({}).value));
}

TEST(BootstrapTest, PairsShowAShiftThatTheirSpreadHides) {
  Dice dice(2);
  std::vector<double> before, after;
  for (int i = 0; i < 50; ++i) {
    before.push_back(10 * dice.normal());
    after.push_back(before.back() + 0.5 + 0.2 * dice.normal());
  }
  const Estimate found = bootstrap_difference(before, after);
  EXPECT_NEAR(found.value, 0.5, 0.15);
  EXPECT_GT(found.low, 0);
  EXPECT_EQ(bootstrap_difference(before, before).high, 0);
  after.pop_back();
  EXPECT_THROW(bootstrap_difference(before, after), std::invalid_argument);
}

TEST(BootstrapTest, AnyStatisticOfIndicesHasAnInterval) {
  Dice dice(6);
  std::vector<double> values(200);
  for (double& value : values) value = dice.normal();
  const auto mean = [&](std::span<const size_t> units) {
    double sum = 0;
    for (const size_t unit : units) sum += values[unit];
    return sum / static_cast<double>(units.size());
  };
  const Estimate any = bootstrap(values.size(), mean), known = bootstrap_mean(values);
  EXPECT_NEAR(any.value, known.value, 1e-12);
  EXPECT_NEAR(any.low, known.low, 0.02);
  EXPECT_NEAR(any.high, known.high, 0.02);
  EXPECT_TRUE(std::isnan(bootstrap(0, mean).value));
  // A statistic that some resamples do not have: its interval is of those that have it.
  const auto of_first = [](std::span<const size_t> units) {
    for (const size_t unit : units) {
      if (unit == 0) return 1.0;
    }
    return std::nan("");
  };
  EXPECT_EQ(bootstrap(3, of_first).low, 1);
}

}  // namespace reel::world::statistics_test
