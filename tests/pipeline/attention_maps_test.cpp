#include "pipeline/attention_maps.h"

#include <gmock/gmock.h>

namespace reel::pipeline::attention_maps_test {

using testing::ElementsAre;

/// A map whose entry (i, j) is `value` on the diagonal, else 0, in all rows.
at::Tensor diagonal(double value, int64_t rows = 2) {
  return (at::eye(4) * value).expand({rows, -1, -1}).clone();
}

float brightness(const MapPictures& drawn, int64_t y, int64_t x) {
  return drawn.pixels[0][y][x].sum().item<float>();
}

TEST(AttentionMapsTest, OneSquarePerSiteAndOneFramePerStep) {
  const AttentionMaps maps = {{"a/step0", diagonal(1)},
                              {"a/step1", diagonal(1)},
                              {"b/step0", diagonal(1)},
                              {"c/step0", diagonal(1)},
                              {"c/step0/call1", diagonal(1)}};
  const MapPictures drawn = draw_attention_maps({&maps, 1}, {.cell = 8});
  EXPECT_THAT(drawn.sites, ElementsAre("a", "b", "c"));
  EXPECT_EQ(drawn.left_out, 0u);
  EXPECT_EQ(drawn.pixels.sizes(), (at::IntArrayRef{2, 2 * 14 + 6, 2 * 14 + 6, 3}));
}

TEST(AttentionMapsTest, BrightnessIsAttention) {
  at::Tensor map = at::zeros({1, 4, 4});
  map[0][0][3] = 1, map[0][2][0] = 0.5;
  const AttentionMaps maps = {{"a/step0", map}};
  const MapPictures drawn = draw_attention_maps({&maps, 1}, {.cell = 8});
  const float full = brightness(drawn, 6, 6 + 7), half = brightness(drawn, 6 + 5, 6),
              none = brightness(drawn, 6, 6);
  EXPECT_GT(full, half);
  EXPECT_GT(half, none);
}

TEST(AttentionMapsTest, OnlyConditionalRowsCount) {
  at::Tensor map = at::zeros({2, 4, 4});
  map[0][0][0] = 1, map[1][0][3] = 1;
  const AttentionMaps maps = {{"a/step0", map}};
  const MapPictures drawn = draw_attention_maps({&maps, 1}, {.cell = 8});
  EXPECT_GT(brightness(drawn, 6, 6 + 7), brightness(drawn, 6, 6));
}

TEST(AttentionMapsTest, PairsStandSideBySideAtTheSameScale) {
  const AttentionMaps runs[] = {{{"a/step0", diagonal(0.5)}}, {{"a/step0", diagonal(1)}}};
  const MapPictures drawn = draw_attention_maps(runs, {.cell = 8});
  EXPECT_EQ(drawn.pixels.sizes(), (at::IntArrayRef{1, 8 + 12, 2 * 8 + 2 + 12, 3}));
  EXPECT_LT(brightness(drawn, 6, 6), brightness(drawn, 6, 6 + 10));
  const AttentionMaps one = {{"a/step0", diagonal(0.5)}};
  EXPECT_EQ(brightness(draw_attention_maps({&one, 1}, {.cell = 8}), 6, 6), brightness(drawn, 6, 6 + 10));
}

TEST(AttentionMapsTest, WhatOneRunLacksStaysDark) {
  const AttentionMaps runs[] = {{{"a/step0", diagonal(1)}}, {{"b/step0", diagonal(1)}}};
  const MapPictures drawn = draw_attention_maps(runs, {.cell = 8});
  EXPECT_THAT(drawn.sites, ElementsAre("a", "b"));
  EXPECT_NEAR(brightness(drawn, 6, 6 + 10), 0.36, 1e-5);  // a, with edits
  EXPECT_NEAR(brightness(drawn, 6 + 14, 6), 0.36, 1e-5);  // b, without
  EXPECT_GT(brightness(drawn, 6 + 14, 6 + 10), 1);
}

TEST(AttentionMapsTest, FewerSitesAreSpreadOverAllInTheWantedOrder) {
  AttentionMaps maps;
  std::vector<std::string> order;
  for (const char* site : {"e", "d", "c", "b", "a"})
    maps[site + std::string("/step0")] = diagonal(1), order.push_back(site);
  const MapPictures drawn = draw_attention_maps({&maps, 1}, {.order = order, .most_sites = 3, .cell = 8});
  EXPECT_THAT(drawn.sites, ElementsAre("e", "c", "a"));
  EXPECT_EQ(drawn.left_out, 2u);
  EXPECT_THAT(draw_attention_maps({&maps, 1}, {.order = order, .most_sites = 1}).sites, ElementsAre("e"));
  EXPECT_THAT(draw_attention_maps({&maps, 1}, {.order = order, .most_sites = 9}).sites,
              ElementsAre("e", "d", "c", "b", "a"));
}

TEST(AttentionMapsTest, NothingRecordedIsRefused) {
  const AttentionMaps maps;
  EXPECT_THROW(draw_attention_maps({&maps, 1}), std::invalid_argument);
}

}  // namespace reel::pipeline::attention_maps_test
