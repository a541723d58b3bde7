// The fused form of an edit is the one that its hooks define, for every choice that it offers.
#include <gtest/gtest.h>

#include "tests/attention/edits/temporal_layer.h"

namespace reel::attention::fused_form_test {

struct Size {
  int64_t frames, d, heads1, heads2;
};
struct Choice {
  std::vector<std::string> edits;
  double beta;  // what the tolerance grows with
};

void PrintTo(const Size& s, std::ostream* out) { *out << s.frames << " frames, heads of " << s.d; }
void PrintTo(const Choice& c, std::ostream* out) {
  for (const std::string& edit : c.edits) *out << edit << " ";
}

class FusedForm : public testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType, Size, Choice>> {};

TEST_P(FusedForm, EqualsTheHooks) {
  const auto& [device, dtype, size, choice] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  const std::vector<Row> four = {{.conditional = false}, {.conditional = false}, {}, {}};
  std::vector<TemporalLayer> layers = {TemporalLayer(1, 1, 2, 3, size.heads1, size.frames, size.d, four),
                                       TemporalLayer(2, 1, 4, 6, size.heads2, size.frames, size.d, four),
                                       TemporalLayer(3, 0, 7, 5, 1, size.frames, size.d, four)};
  for (TemporalLayer& layer : layers) {
    layer.q.div_(2), layer.k.div_(2),
        layer.v.div_(4);  // so that a half type's last place is below the tolerance
    for (at::Tensor* t : {&layer.q, &layer.k, &layer.v}) *t = t->to(dtype).to(device);
  }
  std::string path;
  const auto fused = run_layers(layers, choice.edits, 0, 25, MapForm::kFused, &path);
  EXPECT_EQ(path, "fused");
  // Results in f32 from the same inputs: the rounding of results is not counted twice.
  for (TemporalLayer& layer : layers) {
    for (at::Tensor* t : {&layer.q, &layer.k, &layer.v}) *t = t->to(at::kFloat);
  }
  const auto reference = run_layers(layers, choice.edits, 0, 25, MapForm::kExplicit, &path);
  EXPECT_EQ(path, "explicit");
  const double tolerance = (dtype == at::kFloat ? 1e-5 : 5e-3) * std::max(1.0, choice.beta);
  for (size_t i = 0; i < layers.size(); ++i)
    EXPECT_LE(max_difference(fused[i], reference[i]), tolerance) << "layer " << i;
}

INSTANTIATE_TEST_SUITE_P(
    Edits, FusedForm,
    testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                     testing::Values(at::kFloat, at::kHalf, at::kBFloat16),
                     testing::Values(Size{2, 32, 2, 2}, Size{8, 33, 4, 2}, Size{16, 40, 3, 3},
                                     Size{24, 160, 2, 1}, Size{32, 64, 6, 2}, Size{48, 80, 1, 1},
                                     Size{64, 64, 4, 2}),
                     testing::Values(Choice{{"vstar:preset=64D1_32D8"}, 1},
                                     Choice{{"vstar:sigma0=2,sigma1=off,strength=0.7"}, 1},
                                     Choice{{"broadway"}, 1.5}, Choice{{"broadway:preset=videocrafter2"}, 10},
                                     Choice{{"broadway:tau=0,interpolation=bilinear"}, 1.5},
                                     Choice{{"broadway:anchor=after,pooled=true"}, 1.5},
                                     Choice{{"broadway", "vstar:preset=64D1_32D8"}, 1.5})));

TEST(FusedFormTest, GivesWayWhereAnotherEditNeedsTheMap) {
  const TemporalLayer layer(1, 0, 2, 2, 2, 8);
  std::string path;
  const auto both =
      run_plan({layer}, {all_edits().parse("vstar"), looking_within()}, 0, 25, MapForm::kFused, &path);
  EXPECT_EQ(path, "explicit");
  EXPECT_LE(max_difference(both[0], run_layers({layer}, {"vstar"})[0]), 1e-5);
}

TEST(FusedFormTest, TwoEditsOfOneKindTakeTheExplicitPath) {
  const TemporalLayer layer(1, 0, 2, 2, 2, 8);
  std::string path;
  run_layers({layer}, {"vstar:sigma0=1", "vstar:sigma0=4"}, 0, 25, MapForm::kFused, &path);
  EXPECT_EQ(path, "explicit");
}

TEST(FusedFormTest, LeavesUnselectedRowsAndHeadsUntouchedBitForBit) {
  const TemporalLayer layer(1, 0, 3, 2, 4, 16);
  const at::Tensor plain = run_layers({layer}, {})[0];
  for (const std::string edit : {"vstar", "broadway", "broadway:beta=4"}) {
    std::string path;
    const at::Tensor out =
        run_layers({layer}, {edit + "@rows=cond heads=1-2"}, 0, 25, MapForm::kFused, &path)[0];
    EXPECT_EQ(path, "fused") << edit;
    EXPECT_TRUE(at::equal(out[0], plain[0])) << edit;
    for (const int64_t head : {0, 3})
      EXPECT_TRUE(at::equal(out[1].select(1, head), plain[1].select(1, head))) << edit;
    for (const int64_t head : {1, 2})
      EXPECT_FALSE(at::equal(out[1].select(1, head), plain[1].select(1, head))) << edit;
  }
}

}  // namespace reel::attention::fused_form_test
