// Parts of the keys join to the whole, and chosen columns are those of the map that is never formed.
#include "attention/partial.h"

#include "attention/explicit_attention.h"
#include "attention/fused_attention.h"
#include "tests/attention/by_definition.h"

namespace reel::attention::partial_test {

using Kind = std::tuple<at::DeviceType, at::ScalarType>;

class EveryKind : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (std::get<0>(GetParam()) == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  }
  Call random(const Sizes& sizes, double sharpness = 1) const {
    const auto [device, type] = GetParam();
    Call call = random_call(sizes, sharpness, 1, at::TensorOptions(type).device(device));
    call.wants_lse = true;
    if (type != at::kFloat) call.v.div_(4);  // so that a half type's last place is below the tolerance
    return call;
  }
  double tolerance(double single) const { return std::get<1>(GetParam()) == at::kFloat ? single : 5e-3; }
};

Partial compute(const Call& call, bool fused) {
  return fused ? fused_attention(call) : explicit_attention(call, {.bytes = 100000});
}

const std::vector<Sizes> kShapes = {
    {.rows = 2, .groups = 3, .heads = 2, .queries = 7, .keys = 24, .width = 8},
    {.rows = 1, .groups = 1, .heads = 6, .queries = 9, .keys = 31, .width = 16, .key_heads = 2},
    {.rows = 2, .groups = 3, .heads = 2, .queries = 5, .keys = 24, .width = 8, .key_groups = 1},
    {.rows = 2,
     .groups = 2,
     .heads = 4,
     .queries = 1,
     .keys = 40,
     .width = 8,
     .key_heads = 1,
     .key_groups = 1},
    {.rows = 1, .groups = 1, .heads = 1, .queries = 3, .keys = 700, .width = 8}};

TEST_P(EveryKind, MergeOfAnySplitOfKeysEqualsTheWhole) {
  for (const double sharpness : {1.0, 8.0}) {
    for (const Sizes& sizes : kShapes) {
      const Call call = random(sizes, sharpness);
      const ByDefinition whole = by_definition(call);
      if (sharpness > 1) {
        EXPECT_GT(whole.logits.abs().max().item<double>(), 20);
      }
      const int64_t n = sizes.keys;
      for (const std::vector<int64_t>& ends :
           {std::vector<int64_t>{1, n}, {n / 2, n}, {n - 1, n}, {2, n / 3, n}, {n / 4, n - 3, n}}) {
        for (const bool fused : {true, false}) {
          Partial joined;
          int64_t first = 0;
          for (const int64_t end : ends) {
            const Partial part = compute(some_keys(call, first, end - first), fused);
            joined = first == 0 ? part : merge(joined, part);
            first = end;
          }
          const double allowed = tolerance(sharpness > 1 ? 2e-5 : 2e-6);
          EXPECT_LE(difference(joined.out, whole.out),
                    allowed * std::max(1.0, whole.out.abs().max().item<double>()))
              << testing::PrintToString(sizes) << (fused ? " fused" : " explicit") << " first end "
              << ends[0];
          EXPECT_LE(difference(joined.lse, whole.lse), tolerance(sharpness > 1 ? 2e-5 : 2e-6) * 4);
        }
      }
    }
  }
}

TEST_P(EveryKind, APartOfWhichNoKeyIsSeenAddsNothing) {
  for (const Sizes& sizes : kShapes) {
    Call call = random(sizes);
    call.visible.key_lengths = at::full({sizes.rows, 1}, sizes.keys / 2 - 1, at::kLong).to(call.q.device());
    const ByDefinition whole = by_definition(call);
    const int64_t middle = sizes.keys / 2, rest = sizes.keys - middle;
    for (const bool fused : {true, false}) {
      const Partial seen = compute(some_keys(call, 0, middle), fused),
                    unseen = compute(some_keys(call, middle, rest), fused);
      EXPECT_EQ(difference(unseen.out, at::zeros_like(unseen.out)), 0) << testing::PrintToString(sizes);
      EXPECT_TRUE(unseen.lse.isneginf().all().item<bool>()) << testing::PrintToString(sizes) << fused;
      EXPECT_TRUE(at::equal(merge(seen, unseen).out, seen.out));
      EXPECT_TRUE(at::equal(merge(unseen, seen).out, seen.out));
      EXPECT_LE(difference(seen.out, whole.out), tolerance(2e-6));
      EXPECT_LE(difference(merge(seen, unseen).lse, whole.lse), tolerance(1e-5));
      const Partial neither = merge(unseen, unseen);
      EXPECT_EQ(difference(neither.out, at::zeros_like(neither.out)), 0);
      EXPECT_TRUE(neither.lse.isneginf().all().item<bool>());
    }
  }
}

TEST(MergeTest, RefusesPartsWithoutALogSumExp) {
  const Call call = random_call({});
  EXPECT_THROW(merge(fused_attention(call), fused_attention(call)), c10::Error);
}

/// Calls that say much of their keys, by name.
struct Told {
  std::string name;
  std::function<void(Call&)> tell;
};
void PrintTo(const Told& told, std::ostream* out) { *out << told.name; }

const Rotary kRotary = Rotary::plain(8);

std::vector<Told> told() {
  const auto longs = [](const Call& call, at::Tensor t) { return t.to(call.q.device()); };
  const auto key_bias = [=](Call& call) {
    call.visible.key_bias = longs(call, at::randn({call.q.size(0), 1, call.q.size(2), call.k.size(3)}));
  };
  const auto order = [=](Call& call) {
    call.visible.query_order = longs(call, at::randint(4, 9, {1, 1, 1, call.q.size(3)}, at::kInt));
    call.visible.key_order =
        longs(call, at::randint(0, 12, {call.q.size(0), 1, 1, call.k.size(3)}, at::kInt));
    call.visible.key_order.select(3, 3).zero_();
  };
  const auto lengths = [=](Call& call) {
    call.visible.key_lengths =
        longs(call, at::randint(3, call.k.size(3), {call.q.size(0), call.q.size(1)}, at::kLong));
  };
  const auto causal = [](Call& call) { call.visible.causal = true; };
  const auto bias = [=](Call& call) {
    call.bias = longs(call, at::randn({call.q.size(1), 1, call.q.size(3), call.k.size(3)}));
  };
  const auto line = [=](Call& call) { call.bias = longs(call, at::randn({call.q.size(3), 1})); };
  const auto rotary = [=](Call& call) {
    call.rotary = &kRotary;
    call.positions = longs(call, at::randn({call.q.size(0), 1, 1, call.q.size(3), 1}));
    call.key_positions = longs(call, at::randn({1, call.k.size(1), 1, call.k.size(3), 1}));
  };
  return {{"nothing", [](Call&) {}},
          {"key_bias", key_bias},
          {"order", order},
          {"lengths", lengths},
          {"causal", causal},
          {"bias", bias},
          {"line", line},
          {"rotary", rotary},
          {"all", [=](Call& call) {
             key_bias(call), order(call), lengths(call), causal(call), bias(call), rotary(call);
           }}};
}

TEST_P(EveryKind, ColumnsAreThoseOfTheMapAndSumToOne) {
  for (const Sizes& sizes : kShapes) {
    for (const Told& each : told()) {
      Call call = random(sizes);
      each.tell(call);
      const ByDefinition whole = by_definition(call);
      const Call turned = with_rotary(call);
      for (const bool fused : {true, false}) {
        const at::Tensor lse = compute(turned, fused).lse;
        const auto options = at::TensorOptions(at::kLong).device(call.q.device());
        const at::Tensor all = columns(call, lse, at::arange(sizes.keys, options)).to(at::kCPU);
        const at::Tensor ones = whole.lse.isneginf().logical_not().to(at::kFloat);
        EXPECT_LE(difference(all.sum(-1), ones), tolerance(1e-5))
            << testing::PrintToString(sizes) << each.name;
        EXPECT_LE(difference(all, whole.probs), tolerance(1e-5))
            << testing::PrintToString(sizes) << each.name;
        const at::Tensor chosen = at::tensor({sizes.keys - 1, int64_t{0}, int64_t{3}, int64_t{3}}, options);
        EXPECT_TRUE(
            at::equal(columns(call, lse, chosen).to(at::kCPU), all.index_select(4, chosen.to(at::kCPU))) ||
            difference(columns(call, lse, chosen), all.index_select(4, chosen.to(at::kCPU))) <= 2e-6);
        const at::Tensor of_rows = at::randint(0, sizes.keys, {sizes.rows, 3}, options);
        const at::Tensor by_row = columns(call, lse, of_rows).to(at::kCPU);
        for (int64_t r = 0; r < sizes.rows; ++r) {
          EXPECT_LE(difference(by_row[r], all[r].index_select(3, of_rows[r].to(at::kCPU))), 2e-6)
              << testing::PrintToString(sizes) << each.name;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Partial, EveryKind,
                         testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                                          testing::Values(at::kFloat, at::kHalf, at::kBFloat16)));

TEST(ColumnsTest, AreTheSameWhereTheMaskIsFormedInBlocksOfQueries) {
  const int64_t keys = 1 << 20, queries = 9;  // four queries of a mask fit
  Call call = random_call({.rows = 1, .heads = 1, .queries = queries, .keys = keys, .width = 2});
  call.visible.causal = true;
  call.visible.key_bias = at::randn({1, 1, 1, keys});
  call.wants_lse = true;
  ASSERT_LT(masked_queries(call), queries);
  const at::Tensor chosen = at::tensor({keys - 1, keys - 5, int64_t{7}, keys / 2});
  const at::Tensor lse = fused_attention(call).lse, some = columns(call, lse, chosen);
  for (int64_t i = 0; i < queries; ++i) {
    Call one = call;
    one.q = call.q.narrow(3, i, 1);
    one.visible.own_key = at::tensor({keys - queries + i});
    const at::Tensor of_one = columns(one, lse.narrow(3, i, 1), chosen);
    EXPECT_LE(difference(some.narrow(3, i, 1), of_one), 1e-9) << i;
    EXPECT_EQ(some[0][0][0][i][0].item<float>() > 0, i == queries - 1) << i;
  }
}

}  // namespace reel::attention::partial_test
