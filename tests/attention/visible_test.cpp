// What a call says of its keys equals the dense mask that it describes, in every form of attention.
#include "attention/visible.h"

#include "attention/explicit_attention.h"
#include "attention/fused_attention.h"
#include "tests/attention/by_definition.h"

namespace reel::attention::visible_test {

constexpr int64_t kManyKeys = 600;  // keys of more than one tile of fused kernels

const std::vector<Sizes> kShapes = {
    {.rows = 2, .groups = 3, .heads = 2, .queries = 9, .keys = 9},
    {.rows = 3, .groups = 1, .heads = 4, .queries = 5, .keys = 17, .key_heads = 2},
    {.rows = 2, .groups = 2, .heads = 3, .queries = 1, .keys = 12, .key_heads = 1},
    {.rows = 2, .groups = 3, .heads = 2, .queries = 6, .keys = 6, .key_groups = 1},
    {.rows = 3, .groups = 2, .heads = 4, .queries = 7, .keys = 11, .key_heads = 2, .key_groups = 1},
    {.rows = 1, .groups = 1, .heads = 2, .queries = 12, .keys = 5},  // first queries see no key if causal
    {.rows = 2, .groups = 1, .heads = 2, .queries = 9, .keys = kManyKeys},
};

using Options = at::TensorOptions;

/// What is said of keys, as bits: each test case sets some of them.
enum Said { kCausal = 1, kOwnKey = 2, kOrder = 4, kLengths = 8, kKeyBias = 16, kDense = 32, kAllBits = 64 };

void say(Call& call, int what) {
  const int64_t rows = call.q.size(0), groups = call.q.size(1), heads = call.q.size(2),
                queries = call.q.size(3), keys = call.k.size(3);
  const auto device = call.q.device();
  Visible& visible = call.visible;
  visible.causal = what & kCausal;
  // -2: the first two queries of that row see no key.
  if (what & kOwnKey) visible.own_key = at::randint(-2, keys, {rows}, at::kLong).to(device);
  if (what & kOrder) {  // of each row and sequence, or each head; the largest is never seen
    visible.query_order = at::randint(0, 10, {rows, 1, heads, queries}, at::kInt).to(device);
    visible.key_order = at::randint(0, 12, {rows, groups, 1, keys}, at::kInt).to(device);
    visible.key_order.select(3, keys - 1).fill_(std::numeric_limits<int32_t>::max());
  }
  if (what & kLengths) {
    visible.key_lengths = at::randint(0, keys + 1, {rows, groups}, at::kLong).to(device);
    visible.key_lengths[0][0].zero_();
  }
  if (what & kKeyBias) visible.key_bias = at::randn({rows, 1, heads, keys}).to(device);
  if (what & kDense) call.bias = at::randn({groups, 1, queries, keys}).to(device);
}

using Kind = std::tuple<at::DeviceType, at::ScalarType, size_t>;

class EveryShape : public testing::TestWithParam<Kind> {};

TEST_P(EveryShape, SeesWhatTheDenseMaskDescribes) {
  const auto [device, type, shape] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  const double tolerance = type == at::kFloat ? 1e-5 : type == at::kHalf ? 5e-3 : 2.5e-2;
  for (int what = 0; what < kAllBits; ++what) {
    if ((what & kOwnKey) && !(what & kCausal)) continue;
    Call call = random_call(kShapes[shape], 1, uint64_t(what), Options(type).device(device));
    say(call, what);
    const ByDefinition expected = by_definition(call);
    const at::Tensor none = expected.lse.isneginf();
    for (const bool wants_lse : {false, true}) {
      call.wants_lse = wants_lse;
      for (const bool fused : {true, false}) {
        const Partial result = fused ? fused_attention(call) : explicit_attention(call, {.bytes = 100000});
        const std::string name =
            std::to_string(what) + (fused ? " fused" : " explicit") + (wants_lse ? " lse" : "");
        EXPECT_EQ(result.out.scalar_type(), type);
        EXPECT_LE(difference(result.out, expected.out), tolerance) << name;
        const at::Tensor of_none = result.out.to(at::kCPU, at::kDouble).masked_select(none.unsqueeze(-1));
        EXPECT_EQ(difference(of_none, at::zeros_like(of_none)), 0) << name << ": queries that see no key";
        if (wants_lse) {
          EXPECT_EQ(result.lse.scalar_type(), at::kFloat);
          EXPECT_LE(difference(result.lse, expected.lse), tolerance) << name;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Visible, EveryShape,
                         testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                                          testing::Values(at::kFloat, at::kHalf, at::kBFloat16),
                                          testing::Range(size_t{0}, kShapes.size())));

TEST(LogitMaskTest, OfSomeQueriesIsThatPartOfTheWhole) {
  Call call = random_call(kShapes[4]);
  say(call, kAllBits - 1);
  const at::Tensor whole = logit_mask(call, 0, 7).expand({3, 2, 4, 7, 11});
  EXPECT_EQ(difference(whole, mask_by_loops(call).to(at::kFloat)), 0);
  for (const auto& [first, count] : {std::pair<int64_t, int64_t>{0, 1}, {2, 3}, {6, 1}, {1, 6}})
    EXPECT_TRUE(at::equal(logit_mask(call, first, count), whole.narrow(3, first, count)));
}

TEST(LogitMaskTest, IsNoneWhereEveryKeyIsSeen) {
  const Call call = random_call({});
  EXPECT_TRUE(call.visible.all());
  EXPECT_FALSE(logit_mask(call, 0, 5).defined());
}

TEST(LogitMaskTest, IsNoLargerThanWhatDiffers) {
  Call call = random_call({.rows = 3, .groups = 4, .heads = 5, .queries = 6, .keys = 7});
  call.visible.causal = true;
  EXPECT_EQ(logit_mask(call, 0, 6).sizes(), at::IntArrayRef({1, 1, 1, 6, 7}));
  call.visible.key_lengths = at::full({3, 1}, 4, at::kLong);
  EXPECT_EQ(logit_mask(call, 0, 6).sizes(), at::IntArrayRef({3, 1, 1, 6, 7}));
  call.visible.causal = false;
  EXPECT_EQ(logit_mask(call, 0, 6).sizes(), at::IntArrayRef({3, 1, 1, 1, 7}));
}

TEST(MaskedQueriesTest, DependOnTheNumberOfKeysAlone) {
  for (const int64_t keys : {1, 100, 5000}) {
    const int64_t expected = std::max<int64_t>(1, (16 << 20) / (4 * keys));
    for (const int64_t rows : {1, 3})
      EXPECT_EQ(masked_queries(random_call({.rows = rows, .queries = 2 * rows, .keys = keys})), expected);
  }
}

TEST(MaskedQueriesTest, FusedAttentionIsTheSameInBlocksOfQueries) {
  const int64_t keys = 1 << 18, queries = 18;  // sixteen queries of a mask fit
  Call call = random_call({.rows = 1, .heads = 1, .queries = queries, .keys = keys, .width = 2});
  call.visible.causal = true, call.wants_lse = true;
  call.visible.key_bias = at::randn({1, 1, 1, keys}) * 3;
  ASSERT_LT(masked_queries(call), queries);
  const Partial whole = fused_attention(call);
  for (int64_t i = 0; i < queries; ++i) {
    Call one = call;
    one.q = call.q.narrow(3, i, 1);
    one.visible.own_key = at::full({1}, keys - queries + i, at::kLong);
    const Partial expected = fused_attention(one);
    EXPECT_LE(difference(whole.out.narrow(3, i, 1), expected.out), 1e-5) << i;
    EXPECT_LE(difference(whole.lse.narrow(3, i, 1), expected.lse), 1e-5) << i;
  }
}

TEST(VisibleTest, RingOrderTheLargestNumberAndEqualNumbersAreOrders) {
  Call call = random_call({.rows = 1, .heads = 1, .queries = 4, .keys = 4});
  const int32_t never = std::numeric_limits<int32_t>::max();
  call.visible.query_order = at::tensor({0, 1, 1, 2}, at::kInt).view({1, 1, 1, 4});
  call.visible.key_order = at::tensor({0, 1, 1, never}, at::kInt).view({1, 1, 1, 4});
  const at::Tensor seen = at::tensor({1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0}).view({1, 1, 1, 4, 4});
  EXPECT_TRUE(at::equal(logit_mask(call, 0, 4) == 0, seen == 1));
}

}  // namespace reel::attention::visible_test
