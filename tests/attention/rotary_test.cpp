// Rotary embedding against double loops, and the law that makes it relative.
#include "attention/rotary.h"

#include "attention/fused_attention.h"
#include "tests/attention/by_definition.h"

namespace reel::attention::rotary_test {

using Pairs = Rotary::Pairs;

at::Tensor positions_of(at::IntArrayRef sizes, double most = 1000) {
  return at::rand(sizes, at::kDouble) * most;  // fractional
}

TEST(RotatedTest, EqualsDoubleLoopsForBothPairingsAndAnyWidth) {
  at::manual_seed(1);
  for (const Pairs pairs : {Pairs::kHalves, Pairs::kInterleaved})
    for (const int64_t width : {2, 6, 12, 16})
      for (const double factor : {1.0, 0.75}) {
        Rotary rotary = Rotary::plain(width, 10000, pairs);
        rotary.factor = factor;
        for (const auto& sizes :
             {std::vector<int64_t>{1, 1, 1, 5, 1}, {2, 1, 1, 5, 3}, {1, 3, 1, 5, 1}, {2, 3, 4, 5, 1}}) {
          const at::Tensor x = at::randn({2, 3, 4, 5, 16}), positions = positions_of(sizes);
          const at::Tensor turned = rotated(rotary, x, positions);
          EXPECT_LE(difference(turned, turned_by_loops(rotary, x, positions)), 2e-6)
              << width << " " << factor;
          EXPECT_TRUE(at::equal(turned.slice(4, width), x.slice(4, width)))
              << "channels behind the width stay";
          EXPECT_EQ(turned.scalar_type(), at::kFloat);
        }
      }
}

TEST(RotatedTest, OfHalfTypesIsTheRoundedResult) {
  const Rotary rotary = Rotary::plain(8);
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor x = at::randn({1, 1, 2, 7, 8}).to(type), positions = positions_of({1, 1, 1, 7, 1}, 1e5);
    const at::Tensor turned = rotated(rotary, x, positions), expected = turned_by_loops(rotary, x, positions);
    EXPECT_EQ(turned.scalar_type(), type);
    EXPECT_LE(difference(turned, expected),
              (type == at::kHalf ? 1e-3 : 8e-3) * expected.abs().max().item<double>());
  }
}

TEST(RotatedTest, KeepsItsPrecisionAtLargePositions) {
  const Rotary rotary = Rotary::plain(16);
  const at::Tensor x = at::randn({1, 1, 1, 4, 16});
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    const at::Tensor positions =
        at::tensor({99999.0, 100000.0, 131071.0, 65536.5}).view({1, 1, 1, 4, 1}).to(type);
    EXPECT_LE(difference(rotated(rotary, x, positions), turned_by_loops(rotary, x, positions)), 2e-6);
  }
}

TEST(RotatedTest, OfStridedChannelsAndTokensIsTheSame) {
  const Rotary rotary = Rotary::plain(8, 10000, Pairs::kInterleaved);
  const at::Tensor x = at::randn({2, 8, 5, 3, 4}).permute({0, 4, 3, 2, 1}),
                   positions = positions_of({1, 1, 1, 5, 1});
  EXPECT_EQ(difference(rotated(rotary, x, positions), rotated(rotary, x.contiguous(), positions)), 0);
}

TEST(RotaryTest, PlainFrequenciesFallGeometrically) {
  const Rotary rotary = Rotary::plain(6, 100);
  for (int i = 0; i < 3; ++i)
    EXPECT_NEAR(rotary.frequencies[i].item<double>(), std::pow(100, -2.0 * i / 6), 1e-15);
  EXPECT_EQ(rotary.frequencies.scalar_type(), at::kDouble);
}

TEST(RotaryTest, SectionsTurnEachWithItsAxisAndFrequenciesOfItsSize) {
  const Rotary rotary = Rotary::sections({4, 6, 6}, 10000);
  EXPECT_EQ(rotary.axes, (std::vector<int64_t>{0, 0, 1, 1, 1, 2, 2, 2}));
  EXPECT_NEAR(rotary.frequencies[1].item<double>(), std::pow(10000, -2.0 / 4), 1e-15);
  EXPECT_NEAR(rotary.frequencies[4].item<double>(), std::pow(10000, -4.0 / 6), 1e-15);
  const at::Tensor x = at::randn({1, 2, 1, 5, 20}), positions = positions_of({1, 1, 1, 5, 3});
  const at::Tensor turned = rotated(rotary, x, positions);
  EXPECT_LE(difference(turned, turned_by_loops(rotary, x, positions)), 2e-6);
  // Each section is a rotary of its own.
  int64_t first = 0;
  for (int64_t axis = 0; axis < 3; ++axis) {
    const int64_t width = axis == 0 ? 4 : 6;
    const Rotary one = Rotary::plain(width, 10000, Pairs::kInterleaved);
    EXPECT_LE(difference(turned.narrow(4, first, width),
                         rotated(one, x.narrow(4, first, width), positions.narrow(4, axis, 1))),
              1e-6);
    first += width;
  }
}

TEST(RotaryTest, SharedAxesAreThePlainRotaryWhereAllAgree) {
  const Rotary rotary = Rotary::shared({2, 3, 3}, 1e6), plain = Rotary::plain(16, 1e6);
  EXPECT_TRUE(at::equal(rotary.frequencies, plain.frequencies));
  EXPECT_EQ(rotary.pairs, Pairs::kHalves);
  const at::Tensor x = at::randn({2, 1, 3, 5, 16}), line = positions_of({1, 1, 1, 5, 1});
  EXPECT_TRUE(at::equal(rotated(rotary, x, line.expand({1, 1, 1, 5, 3})), rotated(plain, x, line)));
  const at::Tensor apart = positions_of({2, 1, 1, 5, 3});
  EXPECT_LE(difference(rotated(rotary, x, apart), turned_by_loops(rotary, x, apart)), 2e-6);
}

TEST(RotaryTest, LogitsDependOnDifferencesOfPositionsAlone) {
  at::manual_seed(2);
  const at::Tensor q = at::randn({1, 1, 2, 6, 16}), k = at::randn({1, 1, 2, 6, 16});
  for (const Rotary& rotary : {Rotary::plain(16), Rotary::plain(8, 500, Pairs::kInterleaved),
                               Rotary::sections({4, 4, 8}), Rotary::shared({2, 2, 4}, 1e4)}) {
    const int64_t axes = rotary.axes.empty() ? 1 : 3;
    const at::Tensor of_q = positions_of({1, 1, 1, 6, axes}, 50), of_k = positions_of({1, 1, 1, 6, axes}, 50),
                     shift = positions_of({1, 1, 1, 1, axes}, 5000);
    const auto logits = [&](const at::Tensor& offset) {
      return at::matmul(rotated(rotary, q, of_q + offset),
                        rotated(rotary, k, of_k + offset).transpose(-1, -2));
    };
    EXPECT_LE(difference(logits(at::zeros_like(shift)), logits(shift)), 2e-5);
    const at::Tensor origin = at::zeros({1, 1, 1, 6, axes});
    EXPECT_TRUE(at::equal(rotated(rotary, q, origin), q)) << "nothing turns at the origin";
    EXPECT_LE(difference(rotated(rotary, q, of_q).norm(2, 4), q.norm(2, 4)), 1e-5) << "lengths stay";
  }
}

TEST(RotaryTest, ACallTurnsQueriesAndKeysByPositionsOfTheirOwn) {
  Call call = random_call({.rows = 2, .heads = 4, .queries = 5, .keys = 7, .width = 8, .key_heads = 2});
  const Rotary rotary = Rotary::plain(8);
  call.rotary = &rotary;
  call.positions = positions_of({2, 1, 4, 5, 1}), call.key_positions = positions_of({1, 1, 2, 7, 1});
  const Call turned = with_rotary(call);
  EXPECT_EQ(turned.rotary, nullptr);
  EXPECT_FALSE(turned.positions.defined() || turned.key_positions.defined());
  EXPECT_LE(difference(turned.q, turned_by_loops(rotary, call.q, call.positions)), 2e-6);
  EXPECT_LE(difference(turned.k, turned_by_loops(rotary, call.k, call.key_positions)), 2e-6);
  EXPECT_LE(difference(fused_attention(turned).out, by_definition(call).out), 1e-5);
  call.key_positions.reset();  // of a cache: turned already
  EXPECT_TRUE(with_rotary(call).k.is_same(call.k));
}

TEST(RotaryTest, AnglesServeThePositionsThatTheyAreOfAndNoOthers) {
  Call call = random_call({.rows = 2, .heads = 4, .queries = 5, .keys = 5, .width = 8});
  const Rotary rotary = Rotary::plain(8), slower = Rotary::plain(8, 50);
  call.rotary = &rotary;
  call.positions = call.key_positions = positions_of({2, 1, 1, 5, 1});
  const Call expected = with_rotary(call);
  const RotaryAngles angles = angles_at(rotary, call.positions);
  call.angles = &angles;
  EXPECT_TRUE(at::equal(with_rotary(call).q, expected.q));
  EXPECT_TRUE(at::equal(with_rotary(call).k, expected.k));
  Call moved = call;  // as an edit moves queries
  moved.positions = call.positions + 3;
  EXPECT_TRUE(at::equal(with_rotary(moved).q, rotated(rotary, call.q, moved.positions)));
  EXPECT_TRUE(at::equal(with_rotary(moved).k, expected.k));
  Call slow = call;
  slow.rotary = &slower;
  EXPECT_TRUE(at::equal(with_rotary(slow).q, rotated(slower, call.q, call.positions)));
}

TEST(RotaryTest, RefusesPositionsThatDoNotFit) {
  const at::Tensor x = at::randn({1, 1, 1, 5, 8});
  EXPECT_THROW(rotated(Rotary::shared({2, 1, 1}, 1e4), x, positions_of({1, 1, 1, 5, 2})), c10::Error);
  EXPECT_THROW(rotated(Rotary::plain(8), x, positions_of({1, 1, 1, 4, 1})), c10::Error);
  EXPECT_THROW(rotated(Rotary::plain(8), x, positions_of({5, 1})), c10::Error);
  EXPECT_THROW(rotated(Rotary::plain(10), x, positions_of({1, 1, 1, 5, 1})), c10::Error);
}

}  // namespace reel::attention::rotary_test
