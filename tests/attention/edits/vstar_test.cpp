#include <gmock/gmock.h>

#include "tests/attention/edits/temporal_layer.h"

namespace reel::attention::vstar_test {

const Site kFinest{.path = "up_blocks.3.temp_attentions.0.transformer_blocks.0.attn1",
                   .kind = SiteKind::kTemporal,
                   .heads = 1,
                   .level = 0};

/// The map that an edit makes of given logits [F, F] or of one row of them: with the identity as values, the
/// output is the map.
at::Tensor map_of(const at::Tensor& logits, const std::string& edit) {
  const int64_t f = logits.size(1);
  const at::Tensor own = logits.size(0) == f ? logits : logits.expand({f, f});
  const Step step{.index = 0, .count = 25};
  const std::vector<Row> rows(1);
  Call whole{.site = kFinest, .step = step, .tokens = {0, f, 1, 1}, .rows = rows};
  whole.q = own.view({1, 1, 1, f, f}), whole.k = at::eye(f).view({1, 1, 1, f, f}), whole.v = whole.k;
  whole.scale = 1;
  Processor processor({all_edits().parse(edit)});
  processor.begin_step(step);
  return processor.attend(whole).view({f, f});
}

TEST(VstarTest, GivesThePublishedRulesGoldenValues) {
  const at::Tensor logits = at::tensor({2.0F, 0.F, 0.F, 0.F, 1.F, -1.F, -1.F, -1.F, -1.F}).view({3, 3});
  const at::Tensor expected = at::tensor({0.921134F, 0.056751F, 0.022115F, 0.185299F, 0.746533F, 0.068168F,
                                          0.488890F, 0.305193F, 0.205917F})
                                  .view({3, 3});
  EXPECT_LE(max_difference(map_of(logits, "vstar:sigma0=1"), expected), 1e-6);
  EXPECT_LE(max_difference(map_of(logits, "vstar:strength=0")[0], at::tensor({0.786986, 0.106507, 0.106507})),
            1e-6);
}

TEST(VstarTest, EqualsTheDefinitionForAWholeLayer) {
  for (const auto& [frames, sigma] : {std::pair{5, 1.0}, {16, 4.0}, {33, 0.7}}) {
    const TemporalLayer layer(2, 1, 2, 3, 2, frames);
    PlainMap map = plain_map(layer, sigma, 0.8);
    const auto out = run_layers({layer}, {"vstar:sigma0=off,strength=0.8,sigma1=" + std::to_string(sigma)});
    EXPECT_LE(max_difference(out[0], plain_output(map, layer)), 1e-5) << frames << " frames";
  }
}

TEST(VstarTest, NeutralOptionsAreTheUneditedRunBitForBit) {
  const TemporalLayer layer(2, 0, 2, 2, 2, 8);
  const at::Tensor plain = run_layers({layer}, {})[0];
  EXPECT_TRUE(at::equal(run_layers({layer}, {"vstar:strength=0"})[0], plain));
  EXPECT_TRUE(at::equal(run_layers({layer}, {"vstar:sigma0=off"})[0], plain));
  EXPECT_TRUE(at::equal(run_layers({layer}, {"vstar"}, 14, 25)[0], plain)) << "the 15th of 25 steps";
  EXPECT_FALSE(at::equal(run_layers({layer}, {"vstar"}, 13, 25)[0], plain));
  EXPECT_TRUE(at::equal(run_layers({layer}, {"vstar@steps=0-3"}, 4, 25)[0], plain));
  EXPECT_FALSE(at::equal(run_layers({layer}, {"vstar@steps=0-100%"}, 24, 25)[0], plain));
  EXPECT_FALSE(at::equal(run_layers({layer}, {"vstar:steps=20-24"}, 24, 25)[0], plain));
}

TEST(VstarTest, ActsInTheAuthorsShareOfTheSteps) {
  const TemporalLayer layer(2, 0, 1, 2, 1, 6);
  const at::Tensor plain = run_layers({layer}, {})[0];
  for (const auto& [count, active] : {std::pair{25, 14}, {50, 28}, {10, 6}, {4, 2}, {2, 1}, {20, 11}}) {
    EXPECT_FALSE(at::equal(run_layers({layer}, {"vstar"}, active - 1, count)[0], plain)) << count;
    EXPECT_TRUE(at::equal(run_layers({layer}, {"vstar"}, active, count)[0], plain)) << count;
  }
}

TEST(VstarTest, ChangesOnlyTheChosenLevels) {
  for (const int level : {-1, 0, 1, 2}) {
    const TemporalLayer layer(2, level, 2, 2, 2, 8);
    const at::Tensor plain = run_layers({layer}, {})[0];
    EXPECT_EQ(at::equal(run_layers({layer}, {"vstar:preset=64D1"})[0], plain), level != 0);
    EXPECT_EQ(at::equal(run_layers({layer}, {"vstar:preset=64D1_32D8"})[0], plain), level != 0 && level != 1);
  }
}

TEST(VstarTest, AWideBandIsPlainAttentionAndANarrowOneReachesTheDiagonalOnly) {
  at::manual_seed(4);
  const at::Tensor logits = at::randn({7, 7}) * 2;
  EXPECT_LE(max_difference(map_of(logits, "vstar:sigma0=1e6"), at::softmax(logits, -1)), 1e-6);
  const at::Tensor raised = logits + at::diag(std::get<0>(logits.max(-1)));
  EXPECT_LE(max_difference(map_of(logits, "vstar:sigma0=0.001"), at::softmax(raised, -1)), 1e-6);
}

TEST(VstarTest, DependsOnTheLogitsThemselvesNotOnTheirDifferences) {
  at::manual_seed(5);
  const at::Tensor logits = at::randn({6, 6});
  EXPECT_GT(max_difference(map_of(logits, "vstar"), map_of(logits + 3, "vstar")), 1e-2);
}

TEST(VstarTest, RowsSumToOneAndTimeMayRunBackwards) {
  at::manual_seed(6);
  const at::Tensor logits = at::randn({9, 9}) * 2;
  const at::Tensor map = map_of(logits, "vstar:sigma0=2");
  EXPECT_LE(max_difference(map.sum(-1), at::ones({9})), 1e-6);
  EXPECT_GE(map.min().item<double>(), 0);
  EXPECT_LE(max_difference(map_of(logits.flip({0, 1}), "vstar:sigma0=2"), map.flip({0, 1})), 1e-6);
}

TEST(VstarTest, GivesTwoSamplesWhatItGivesEach) {
  const std::vector<Row> four = {{.conditional = false}, {.conditional = false}, {}, {}};
  const TemporalLayer both(3, 0, 2, 2, 2, 8, 6, four);
  const at::Tensor together = run_layers({both}, {"vstar"})[0];
  for (int64_t r = 0; r < 4; ++r) {
    TemporalLayer one = both;
    one.rows = {four[size_t(r)]};
    for (at::Tensor* t : {&one.q, &one.k, &one.v}) *t = t->narrow(0, r, 1);
    EXPECT_LE(max_difference(run_layers({one}, {"vstar"})[0][0], together[r]), 1e-6) << "row " << r;
  }
}

TEST(VstarTest, SeesWhichQueriesABlockHolds) {
  const TemporalLayer layer(2, 0, 1, 1, 1, 12);
  const Step step{.index = 0, .count = 25};
  Processor whole({all_edits().parse("vstar")}),
      small({all_edits().parse("vstar")}, /*map_bytes=*/2 * 12 * 4 * 5);
  EXPECT_LE(max_difference(small.attend(layer.call(step)), whole.attend(layer.call(step))), 1e-6);
}

}  // namespace reel::attention::vstar_test
