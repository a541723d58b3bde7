#include "pipeline/evaluation/small_multiples.h"

#include <gmock/gmock.h>

#include <cmath>

namespace reel::pipeline::small_multiples_test {

using testing::HasSubstr;
using testing::Not;

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

/// The number behind the n-th `name="`.
double attribute(const std::string& text, const std::string& name, size_t n = 0) {
  size_t at = 0;
  for (size_t i = 0; i <= n; ++i) at = text.find(" " + name + "=\"", at) + name.size() + 3;
  return std::stod(text.substr(at));
}

Multiples one_panel(std::vector<std::string> ticks, std::vector<ChartPoint> points, double baseline) {
  return {
      "A title", "factor", "a note", std::move(ticks), {{"A panel", baseline, {{"", std::move(points)}}}}};
}

TEST(SmallMultiplesTest, HasAPanelForEachQuantityAndAMarkForEachPoint) {
  Multiples chart = one_panel({"1", "2"}, {{0, 1, 0.5, 1.5}, {1, 2, 1.5, 2.5}}, 1);
  chart.panels.push_back(chart.panels.front());
  const std::string svg = draw_multiples(chart);
  EXPECT_THAT(svg, HasSubstr("<svg xmlns"));
  EXPECT_THAT(svg, HasSubstr(">A title<"));
  EXPECT_EQ(count(svg, ">A panel<"), 2u);
  EXPECT_EQ(count(svg, ">factor<"), 2u);
  EXPECT_EQ(count(svg, "<circle"), 4u);
  EXPECT_EQ(count(svg, "class=\"interval\""), 4u);
  EXPECT_EQ(count(svg, "class=\"baseline\""), 2u);
  EXPECT_EQ(count(svg, "<g "), count(svg, "</g>"));
}

TEST(SmallMultiplesTest, NumbersStandWhereTheirValuesAre) {
  const std::string svg =
      draw_multiples(one_panel({"0", "1", "4"}, {{0, 1, 1, 1}, {1, 1, 1, 1}, {2, 1, 1, 1}}, 0));
  const double a = attribute(svg, "cx", 0), b = attribute(svg, "cx", 1), c = attribute(svg, "cx", 2);
  EXPECT_NEAR((b - a) / (c - a), 0.25, 0.01);
}

TEST(SmallMultiplesTest, OtherTicksStandAtEvenDistances) {
  const std::string svg =
      draw_multiples(one_panel({"raw", "1", "after"}, {{0, 1, 1, 1}, {1, 1, 1, 1}, {2, 1, 1, 1}}, 0));
  const double a = attribute(svg, "cx", 0), b = attribute(svg, "cx", 1), c = attribute(svg, "cx", 2);
  EXPECT_NEAR((b - a) / (c - a), 0.5, 0.01);
}

TEST(SmallMultiplesTest, LargerValuesStandHigherAndAllIntervalsFit) {
  const std::string svg = draw_multiples(one_panel({"1", "2"}, {{0, 1, -9, 2}, {1, 2, 1, 30}}, -12));
  EXPECT_GT(attribute(svg, "cy", 0), attribute(svg, "cy", 1));
  for (size_t at = 0; (at = svg.find(" y1=\"", at)) != std::string::npos; at += 5) {
    EXPECT_GE(std::stod(svg.substr(at + 5)), -0.1);
    EXPECT_LE(std::stod(svg.substr(at + 5)), 175);
  }
}

TEST(SmallMultiplesTest, WhatIsNoNumberIsLeftOut) {
  const double none = std::nan("");
  const std::string svg = draw_multiples(one_panel({"1", "2"}, {{0, 1, none, none}, {1, 2, 1, 3}}, none));
  EXPECT_EQ(count(svg, "<circle"), 1u);
  EXPECT_EQ(count(svg, "class=\"baseline\""), 0u);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(draw_multiples(one_panel({"1"}, {}, none)), Not(HasSubstr("nan")));
  EXPECT_THAT(draw_multiples(one_panel({"1"}, {{0, 5, 5, 5}}, 5)), Not(HasSubstr("nan")));
}

TEST(SmallMultiplesTest, TextIsEscapedAndSeveralSeriesHaveALegend) {
  Multiples chart = one_panel({"1"}, {{0, 1, 0, 2}}, 0);
  chart.title = "a < b & c";
  EXPECT_THAT(draw_multiples(chart), HasSubstr("a &lt; b &amp; c"));
  chart.panels[0].series[0].name = "strength=1";
  EXPECT_THAT(draw_multiples(chart), Not(HasSubstr("strength=1")));
  chart.panels[0].series.push_back({"strength=2", {{0, 1, 0, 2}}});
  EXPECT_THAT(draw_multiples(chart), HasSubstr("strength=1"));
  EXPECT_THAT(draw_multiples(chart), HasSubstr("strength=2"));
}

}  // namespace reel::pipeline::small_multiples_test
