// Numbers of samples whose units are independent and whose trials are not.
#include "pipeline/evaluation/unit_metric.h"

#include <gtest/gtest.h>

#include <cmath>

namespace reel::evaluation::unit_metric_test {

UnitMetric shares(std::vector<world::Cluster> clusters) {
  return {"share", "share", 1, 3, [clusters](size_t unit) { return clusters.at(unit); }};
}

TEST(UnitMetricTest, SharesHaveWilsonsInterval) {
  const UnitMetric metric = shares({{1, 1}, {0, 1}, {1, 1}, {1, 1}});
  const world::Estimate found = estimate(metric, 4), wilson = world::proportion(3, 4);
  EXPECT_DOUBLE_EQ(found.value, 0.75);
  EXPECT_DOUBLE_EQ(found.low, wilson.low);
  EXPECT_DOUBLE_EQ(found.high, wilson.high);
  EXPECT_EQ(found.count, 4);
}

TEST(UnitMetricTest, TrialsThatResembleEachOtherWidenTheInterval) {
  std::vector<world::Cluster> alike, mixed;
  for (int i = 0; i < 40; ++i) alike.push_back({i % 2 ? 4 : 0, 4}), mixed.push_back({2, 4});
  const auto width = [](const world::Estimate& e) { return e.high - e.low; };
  EXPECT_GT(width(estimate(shares(alike), 40)), 1.8 * width(estimate(shares(mixed), 40)));
}

TEST(UnitMetricTest, SharesWithoutTrialsAreUnknown) {
  const world::Estimate found = estimate(shares({{0, 0}, {0, 0}}), 2);
  EXPECT_TRUE(std::isnan(found.value));
  EXPECT_EQ(found.count, 0);
}

TEST(UnitMetricTest, OtherNumbersAreBootstrapped) {
  const std::vector<double> values = {1, 2, 3, 10};
  const UnitMetric median{"largest", "largest", 1, 3, {}, [&](std::span<const size_t> units) {
                            double most = 0;
                            for (const size_t unit : units) most = std::max(most, values[unit]);
                            return most;
                          }};
  const world::Estimate found = estimate(median, values.size());
  EXPECT_EQ(found.value, 10);
  EXPECT_EQ(found.high, 10);
  EXPECT_LE(found.low, 3) << "(3/4)^4 of the resamples lack the largest";
  EXPECT_EQ(found.count, 4);
}

TEST(UnitMetricTest, DifferencesArePaired) {
  std::vector<world::Cluster> before, after;
  for (int i = 0; i < 100; ++i) {
    before.push_back({i % 2 ? 9 : 1, 10});
    after.push_back({i % 2 ? 8 : 0, 10});  // one less in every unit
  }
  const world::Estimate found = difference(shares(before), shares(after), 100);
  EXPECT_NEAR(found.value, -0.1, 1e-12);
  EXPECT_NEAR(found.low, -0.1, 1e-12);
  EXPECT_NEAR(found.high, -0.1, 1e-12);
}

}  // namespace reel::evaluation::unit_metric_test
