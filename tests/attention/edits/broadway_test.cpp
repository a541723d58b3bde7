#include <gmock/gmock.h>

#include "attention/edits/support/band_filter.h"
#include "tests/attention/edits/temporal_layer.h"

namespace reel::attention::broadway_test {

double plain_energy(PlainMap& map, int64_t r) {
  double sum = 0;
  for (int64_t g = 0; g < map.places; ++g)
    for (int64_t h = 0; h < map.heads; ++h)
      for (int64_t i = 0; i < map.frames; ++i)
        for (int64_t j = 0; j < map.frames; ++j) sum += map.row(r, g, h, i)[j] * map.row(r, g, h, i)[j];
  return sum / double(map.places * map.heads * map.frames);
}

struct Guidance {
  double alpha = 0.6, beta = 1.5;
  int64_t tau = 7;
};

/// The edited map by the definition: the anchor's cell nearest to each place, the mean of the anchor's heads
/// that a head stands for, one Fourier sum for each frequency of the band. Rows pair up: r and r + R / 2.
/// `gains`, if given, receives the factor of each row.
PlainMap plain_broadway(const TemporalLayer& layer, PlainMap map, const TemporalLayer& first, PlainMap anchor,
                        const Guidance& options, std::vector<double>* gains = nullptr) {
  const int64_t f = map.frames, half = map.rows / 2, per = anchor.heads / map.heads;
  PlainMap guided = map, high = map;
  for (int64_t r = 0; r < map.rows; ++r)
    for (int64_t y = 0; y < layer.height; ++y)
      for (int64_t x = 0; x < layer.width; ++x)
        for (int64_t h = 0; h < map.heads; ++h)
          for (int64_t i = 0; i < f; ++i) {
            const int64_t g = y * layer.width + x;
            const int64_t from =
                (y * first.height / layer.height) * first.width + x * first.width / layer.width;
            double* row = guided.row(r, g, h, i);
            for (int64_t j = 0; j < f; ++j) {
              double mean = 0;
              for (int64_t own = h * per; own < (h + 1) * per; ++own) mean += anchor.row(r, from, own, i)[j];
              row[j] += options.alpha * (mean / double(per) - row[j]);
            }
            for (int64_t j = 0; j < f; ++j) {
              double sum = 0;
              for (int64_t k = 0; k < f; ++k) {
                if (std::min(k, f - k) < f / 2 - options.tau) continue;
                for (int64_t l = 0; l < f; ++l)
                  sum += row[l] * std::cos(2 * M_PI * double(k) * double(j - l) / double(f)) / double(f);
              }
              high.row(r, g, h, i)[j] = sum;
            }
          }
  for (int64_t r = 0; r < map.rows; ++r) {
    const int64_t measured = r < half ? r + half : r;  // the conditional row of the sample
    const double before = plain_energy(map, measured), after = plain_energy(guided, measured),
                 band = plain_energy(high, measured);
    const double gain = std::max(options.beta, std::sqrt(std::max(0.0, before - (after - band)) / band));
    if (gains) gains->push_back(gain);
    const size_t size = guided.values.size() / size_t(map.rows);
    for (size_t n = size_t(r) * size; n < size_t(r + 1) * size; ++n)
      guided.values[n] += (gain - 1) * high.values[n];
  }
  return guided;
}

TEST(BroadWayTest, EqualsTheDefinitionInTheFirstAndInLaterBlocks) {
  struct Case {
    int64_t frames, heads1, heads2;
    std::string options;
    Guidance guidance;
  };
  for (const Case& c : {Case{16, 2, 2, "", {}}, Case{16, 4, 2, ":preset=videocrafter2", {0.1, 10, 7}},
                        Case{9, 3, 1, ":tau=2", {0.6, 1.5, 2}}, Case{24, 2, 1, ":alpha=1,beta=1", {1, 1, 7}},
                        Case{8, 1, 1, "", {0.6, 1.5, 3}}}) {
    const std::vector<Row> rows = {{.conditional = false}, {.conditional = false}, {}, {}};
    const TemporalLayer first(1, 2, 2, 3, c.heads1, c.frames, 6, rows),
        later(2, 1, 4, 6, c.heads2, c.frames, 5, rows);
    const auto out = run_layers({first, later}, {"broadway" + c.options});
    PlainMap anchor = plain_map(first);
    Guidance own = c.guidance;
    own.alpha = 0;
    PlainMap map1 = plain_broadway(first, anchor, first, anchor, own);
    PlainMap map2 = plain_broadway(later, plain_map(later), first, anchor, c.guidance);
    const double tolerance = 1e-5 * std::max(1.0, c.guidance.beta);
    EXPECT_LE(max_difference(out[0], plain_output(map1, first)), tolerance) << c.options;
    EXPECT_LE(max_difference(out[1], plain_output(map2, later)), tolerance) << c.options;
  }
}

TEST(BroadWayTest, EachBlockMeetsTheFirstBlocksOwnHeadsWhateverCameBetween) {
  const std::vector<Row> rows = {{.conditional = false}, {}};
  const TemporalLayer first(1, 2, 2, 3, 4, 16, 6, rows), fewer(2, 1, 4, 6, 2, 16, 5, rows),
      as_many(3, 0, 4, 6, 4, 16, 6, rows);
  PlainMap map = plain_broadway(as_many, plain_map(as_many), first, plain_map(first), {});
  for (const MapForm form : {MapForm::kFused, MapForm::kExplicit}) {
    const auto out = run_layers({first, fewer, as_many}, {"broadway"}, 0, 25, form);
    EXPECT_LE(max_difference(out[2], plain_output(map, as_many)), 1.5e-5);
  }
}

/// The map that the edit makes of given maps [F, F] of an anchor and of a later layer, one row and head.
at::Tensor map_of(const at::Tensor& anchor, const at::Tensor& map, const std::string& edit) {
  const int64_t f = map.size(0);
  const std::vector<Row> one(1);
  TemporalLayer first(1, 2, 1, 1, 1, f, f, one), later(2, 1, 1, 1, 1, f, f, one);
  const double scale = std::sqrt(double(f));  // undoes 1 / sqrt(d), so that log(map) are the logits
  for (auto [layer, logits] : {std::pair{&first, anchor.log()}, {&later, map.log()}}) {
    layer->q = (logits * scale).view({1, 1, 1, f, f});
    layer->k = layer->v = at::eye(f).view({1, 1, 1, f, f});
  }
  return run_layers({first, later}, {edit})[1].view({f, f});
}

TEST(BroadWayTest, GivesGoldenValues) {
  // A row with a uniform anchor whose guidance its gain undoes exactly.
  const at::Tensor row = at::tensor({0.7F, 0.1F, 0.1F, 0.1F});
  const at::Tensor map = at::stack({row, row.roll(1), row.roll(2), row.roll(3)});
  const at::Tensor even = at::full({4, 4}, 0.25F);
  EXPECT_LE(max_difference(map_of(even, map, "broadway:alpha=0.6,beta=1.5,tau=1"), map), 2e-6);
  // alpha 0: the gain is beta itself.
  EXPECT_LE(max_difference(map_of(even, map, "broadway:alpha=0,beta=1.5,tau=1")[0],
                           at::tensor({0.925, 0.025, 0.025, 0.025})),
            2e-6);
  EXPECT_LE(max_difference(map_of(even, map, "broadway:alpha=0,beta=1.5,tau=0")[0],
                           at::tensor({0.775, 0.025, 0.175, 0.025})),
            2e-6);
}

TEST(BroadWayTest, LeavesAnEvenMapAsItIs) {
  const at::Tensor even = at::full({6, 6}, 1.0F / 6);
  EXPECT_LE(max_difference(map_of(even, even, "broadway:beta=10"), even), 1e-6);
}

TEST(BroadWayTest, NeutralOptionsAreTheUneditedRunBitForBit) {
  const std::vector<TemporalLayer> layers = {TemporalLayer(1, 2, 2, 2, 2, 8),
                                             TemporalLayer(2, 1, 4, 4, 2, 8)};
  const auto plain = run_layers(layers, {}), neutral = run_layers(layers, {"broadway:alpha=0,beta=1"}),
             late = run_layers(layers, {"broadway"}, 5, 25), early = run_layers(layers, {"broadway"}, 4, 25),
             none = run_layers(layers, {"broadway@steps=20-24"}, 3, 25);
  for (size_t i = 0; i < layers.size(); ++i) {
    EXPECT_TRUE(at::equal(plain[i], neutral[i]));
    EXPECT_TRUE(at::equal(plain[i], late[i])) << "the sixth of 25 steps";
    EXPECT_TRUE(at::equal(plain[i], none[i]));
    EXPECT_FALSE(at::equal(plain[i], early[i]));
  }
}

TEST(BroadWayTest, ItsArithmeticIsNeutralTooWhereNothingIsAsked) {
  // alpha = 0 and a gain of 1 + 1e-9 run the whole computation. Without an edit attention is fused, and one that
  // only needs the map takes the explicit path, so that the difference is the edit's own.
  const std::vector<TemporalLayer> layers = {TemporalLayer(1, 2, 2, 2, 2, 16),
                                             TemporalLayer(2, 1, 4, 4, 2, 16)};
  for (const MapForm form : {MapForm::kFused, MapForm::kExplicit}) {
    const auto plain = run_plan(layers, form == MapForm::kFused ? EditPlan{} : EditPlan{looking_within()}),
               edited = run_layers(layers, {"broadway:alpha=0,beta=1.000000001"}, 0, 25, form);
    for (size_t i = 0; i < layers.size(); ++i) EXPECT_LE(max_difference(plain[i], edited[i]), 1e-6);
  }
}

TEST(BroadWayTest, AllButTheMeanIsAContrastStretchOfTheOutput) {
  const TemporalLayer layer(1, 2, 2, 2, 2, 16);
  const at::Tensor plain = run_layers({layer}, {})[0];
  const at::Tensor expected = plain * 1.5 - 0.5 * layer.v.mean(3, /*keepdim=*/true);
  EXPECT_LE(max_difference(run_layers({layer}, {"broadway"})[0], expected), 1e-5);
}

TEST(BroadWayTest, MeasuresTheConditionalHalfOnly) {
  std::vector<TemporalLayer> layers = {TemporalLayer(1, 2, 2, 2, 2, 16), TemporalLayer(2, 1, 4, 4, 2, 16)};
  const auto before = run_layers(layers, {"broadway"});
  for (TemporalLayer& layer : layers) {
    layer.q = layer.q.clone();
    layer.q[0].mul_(0.1);  // the unconditional row
  }
  const auto after = run_layers(layers, {"broadway"});
  for (size_t i = 0; i < layers.size(); ++i) {
    EXPECT_TRUE(at::equal(before[i][1], after[i][1]));
    EXPECT_FALSE(at::equal(before[i][0], after[i][0]));
  }
}

TEST(BroadWayTest, ASampleDoesNotSeeItsNeighboursUnlessPooled) {
  const std::vector<Row> four = {{.conditional = false}, {.conditional = false}, {}, {}};
  const std::vector<TemporalLayer> both = {TemporalLayer(1, 2, 2, 2, 2, 16, 6, four),
                                           TemporalLayer(2, 1, 4, 4, 2, 16, 6, four)};
  std::vector<TemporalLayer> single = both;
  const at::Tensor own = at::tensor({0, 2});  // the first sample's two rows
  for (TemporalLayer& layer : single) {
    layer.rows = {four[0], four[2]};
    for (at::Tensor* t : {&layer.q, &layer.k, &layer.v}) *t = t->index_select(0, own);
  }
  const std::string options = "broadway:alpha=0.6,beta=1";
  const auto together = run_layers(both, {options}), alone = run_layers(single, {options}),
             pooled = run_layers(both, {options + ",pooled=true"});
  EXPECT_LE(max_difference(together[1].index_select(0, own), alone[1]), 1e-6);
  EXPECT_GT(max_difference(pooled[1], together[1]), 1e-6);
}

TEST(BroadWayTest, TwoPassesOfGuidanceGiveWhatOneBatchGives) {
  const std::vector<TemporalLayer> layers = {TemporalLayer(1, 2, 2, 2, 2, 16),
                                             TemporalLayer(2, 1, 4, 4, 2, 16)};
  const auto together = run_layers(layers, {"broadway"});
  const auto row = [](TemporalLayer layer, int64_t r) {
    layer.rows = {layer.rows[size_t(r)]};
    for (at::Tensor* t : {&layer.q, &layer.k, &layer.v}) *t = t->narrow(0, r, 1);
    return layer;
  };
  const auto apart =
      run_layers({row(layers[0], 1), row(layers[1], 1), row(layers[0], 0), row(layers[1], 0)}, {"broadway"});
  EXPECT_LE(max_difference(apart[1], together[1].narrow(0, 1, 1)), 1e-6);
  EXPECT_LE(max_difference(apart[3], together[1].narrow(0, 0, 1)), 1e-6);
}

TEST(BroadWayTest, EditsUpBlocksBehindTheFirstOnly) {
  for (const int block : {0, 1, 2, 3}) {
    const TemporalLayer layer(block, 1, 2, 2, 2, 16);
    EXPECT_EQ(at::equal(run_layers({layer}, {})[0], run_layers({layer}, {"bytheway"})[0]), block == 0);
  }
}

TEST(BroadWayTest, FollowsTheRegularisedMapTogetherWithVstar) {
  const std::vector<Row> two = {{.conditional = false}, {}};
  const TemporalLayer first(1, 1, 2, 2, 2, 16, 6, two), later(2, 0, 4, 4, 2, 16, 6, two);
  PlainMap anchor = plain_map(first, 8), map = plain_map(later, 1);
  Guidance own;
  own.alpha = 0;
  PlainMap map1 = plain_broadway(first, anchor, first, anchor, own),
           map2 = plain_broadway(later, map, first, anchor, {});
  for (const std::vector<std::string>& edits :
       {std::vector<std::string>{"vstar:preset=64D1_32D8", "broadway"},
        {"broadway", "vstar:preset=64D1_32D8"}}) {
    const auto out = run_layers({first, later}, edits);
    EXPECT_LE(max_difference(out[0], plain_output(map1, first)), 2e-5);
    EXPECT_LE(max_difference(out[1], plain_output(map2, later)), 2e-5);
  }
}

TEST(BroadWayTest, OffersTheChoicesThatThePaperLeavesOpen) {
  const std::vector<TemporalLayer> layers = {TemporalLayer(1, 2, 2, 2, 2, 16),
                                             TemporalLayer(2, 1, 4, 4, 2, 16)};
  const at::Tensor standard = run_layers(layers, {"broadway"})[1];
  for (const char* choice : {"anchor=after", "interpolation=bilinear", "tau=3"})
    EXPECT_GT(max_difference(run_layers(layers, {std::string("broadway:") + choice})[1], standard), 1e-4)
        << choice;
  EXPECT_TRUE(at::equal(run_layers(layers, {"broadway:tau=auto"})[1], standard));
}

TEST(BroadWayTest, LeavesASingleFrameAlone) {
  const TemporalLayer layer(1, 2, 2, 2, 2, 1);
  EXPECT_LE(max_difference(run_layers({layer}, {"broadway"})[0], run_layers({layer}, {})[0]), 1e-6);
}

TEST(BroadWayTest, RefusesABandBeyondTheFramesAndMaskedKeys) {
  const TemporalLayer layer(1, 2, 2, 2, 2, 8);
  EXPECT_THROW(run_layers({layer}, {"broadway:tau=4"}), std::invalid_argument);
  EXPECT_THROW(all_edits().parse("broadway:alpha=1.5"), std::invalid_argument);
  const Step step{.index = 0, .count = 25};
  Call call = layer.call(step);
  call.bias = at::zeros({8, 8});
  Processor processor({all_edits().parse("broadway")});
  EXPECT_THROW(processor.attend(call), std::invalid_argument);
}

}  // namespace reel::attention::broadway_test
