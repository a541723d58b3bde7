// Attention with its map: how it is cut never shows.
#include "attention/explicit_attention.h"

#include <c10/util/ThreadLocalDebugInfo.h>
#include <gmock/gmock.h>

#include "attention/fused_attention.h"
#include "tests/attention/by_definition.h"

namespace reel::attention::explicit_attention_test {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<Sizes> kShapes = {
    {.rows = 3, .groups = 2, .heads = 4, .queries = 9, .keys = 13},
    {.rows = 2, .groups = 1, .heads = 6, .queries = 7, .keys = 20, .key_heads = 2},
    {.rows = 2, .groups = 3, .heads = 2, .queries = 5, .keys = 11, .key_groups = 1},
    {.rows = 3, .groups = 2, .heads = 6, .queries = 4, .keys = 9, .key_heads = 3, .key_groups = 1},
    {.rows = 2, .groups = 2, .heads = 4, .queries = 1, .keys = 30, .key_heads = 1},
};

void say(Call& call) {
  call.visible.causal = true;
  call.visible.key_lengths = at::randint(3, call.k.size(3), {call.q.size(0), 1}, at::kLong);
  call.visible.key_bias = at::randn({1, call.q.size(1), call.q.size(2), call.k.size(3)});
  call.bias = at::randn({call.q.size(0), 1, 1, call.q.size(3), call.k.size(3)});
  call.visible.query_order = at::randint(2, 9, {1, call.q.size(1), 1, call.q.size(3)}, at::kInt);
  call.visible.key_order = at::randint(0, 9, {1, 1, call.q.size(2), call.k.size(3)}, at::kInt);
}

TEST(ExplicitAttentionTest, IsTheSameForEveryBudget) {
  for (const at::ScalarType type : {at::kFloat, at::kHalf})
    for (const Sizes& sizes : kShapes)
      for (const bool says : {false, true}) {
        Call call = random_call(sizes, 1, 1, type);
        call.wants_lse = true;
        if (says) say(call);
        const ByDefinition expected = by_definition(call);
        const double tolerance = type == at::kFloat ? 2e-6 : 2e-3;
        int refused = 0;
        for (int64_t bytes = 1; bytes < 2000000; bytes = bytes * 3 + 1) {
          try {
            const Partial result = explicit_attention(call, {.bytes = bytes});
            EXPECT_LE(difference(result.out, expected.out), tolerance)
                << testing::PrintToString(sizes) << bytes;
            EXPECT_LE(difference(result.lse, expected.lse), 2e-5) << testing::PrintToString(sizes) << bytes;
          } catch (const std::runtime_error&) {
            ++refused;
            EXPECT_EQ(type, at::kHalf) << "nothing is converted in f32";
            EXPECT_LT(bytes, 4 * sizes.keys * 2 * sizes.width * sizes.groups);
          }
        }
        EXPECT_EQ(refused > 0, type == at::kHalf);
      }
}

TEST(ExplicitAttentionTest, OfARowAloneIsThatOfTheRowAmongOthersBitForBit) {
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16})
    for (Sizes sizes : kShapes) {
      sizes.queries *= 8, sizes.keys *= 8;
      const Call call = random_call(sizes, 1, 1, type);
      for (const int64_t bytes : {int64_t{60000}, int64_t{200000}, int64_t{1} << 26}) {
        const at::Tensor all = explicit_attention(call, {.bytes = bytes}).out;
        for (int64_t r = 0; r < sizes.rows; ++r) {
          Call alone = call;
          for (at::Tensor* t : {&alone.q, &alone.k, &alone.v}) *t = t->narrow(0, r, 1);
          EXPECT_TRUE(at::equal(explicit_attention(alone, {.bytes = bytes}).out[0], all[r]))
              << testing::PrintToString(sizes) << ", budget " << bytes << ", row " << r;
        }
      }
    }
}

TEST(FusedAttentionTest, OfARowAloneIsThatOfTheRowAmongOthersBitForBit) {
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16})
    for (Sizes sizes : kShapes) {
      sizes.queries *= 8, sizes.keys *= 8;
      for (const int what : {0, 1, 2}) {
        Call call = random_call(sizes, 1, 1, type);
        call.visible.causal = what == 1, call.wants_lse = what == 2;
        const at::Tensor all = fused_attention(call).out;
        for (int64_t r = 0; r < sizes.rows; ++r) {
          Call alone = call;
          for (at::Tensor* t : {&alone.q, &alone.k, &alone.v}) *t = t->narrow(0, r, 1);
          EXPECT_TRUE(at::equal(fused_attention(alone).out[0], all[r]))
              << testing::PrintToString(sizes) << what;
        }
      }
    }
}

TEST(ExplicitAttentionTest, ShowsBlocksThatSayOfThemselvesWhatTheyAre) {
  // A block is a call: what it says gives its map.
  for (const Sizes& sizes : kShapes) {
    Call call = random_call(sizes);
    say(call);
    for (const bool own_key : {false, true}) {
      if (own_key) call.visible.own_key = at::randint(2, sizes.keys, {sizes.rows}, at::kLong);
      for (const int64_t bytes : {1, 300, 2000, 100000}) {
        ExplicitOptions options{.bytes = bytes};
        int64_t cells = 0;
        options.on_logits = [&](const Call& block, at::Tensor& map) {
          ASSERT_EQ(map.sizes(), at::IntArrayRef({block.q.size(0), block.q.size(1), block.q.size(2),
                                                  block.q.size(3), block.k.size(3)}));
          EXPECT_EQ(map.scalar_type(), at::kFloat);
          EXPECT_LE(difference(map, by_definition(block).logits), 1e-5)
              << testing::PrintToString(sizes) << bytes;
          cells += map.numel();
        };
        options.on_probs = [&](const Call& block, at::Tensor& map) {
          EXPECT_LE(difference(map, by_definition(block).probs), 1e-5)
              << testing::PrintToString(sizes) << bytes;
        };
        explicit_attention(call, options);
        const auto keys = call.visible.key_lengths.sum().item<int64_t>();  // of all rows, without padding
        EXPECT_EQ(cells, sizes.groups * sizes.heads * sizes.queries * keys);
      }
    }
  }
}

TEST(ExplicitAttentionTest, GivesNothingIfAnEditHidesEveryKey) {
  Call call = random_call({.rows = 2, .groups = 1, .heads = 2, .queries = 3, .keys = 5});
  call.wants_lse = true;
  const MapHook hide = [](const Call&, at::Tensor& logits) {
    logits.select(3, 1).fill_(-std::numeric_limits<double>::infinity());
  };
  const Partial result = explicit_attention(call, {.on_logits = hide});
  EXPECT_TRUE(at::equal(result.out.select(3, 1), at::zeros_like(result.out.select(3, 1))));
  EXPECT_TRUE(result.lse.select(3, 1).isneginf().all().item<bool>());
  EXPECT_TRUE(result.out.isfinite().all().item<bool>());
}

TEST(ExplicitAttentionTest, KeepsRowsHeadsOrAllTogether) {
  const Call call = random_call(kShapes[0]);
  for (const int64_t bytes : {1, 500, 5000}) {
    ExplicitOptions options{.bytes = bytes, .rows_together = true};
    options.on_logits = [](const Call&, at::Tensor& map) { EXPECT_EQ(map.size(0), 3); };
    explicit_attention(call, options);
    options.rows_together = false, options.heads_together = true;
    options.on_logits = [](const Call&, at::Tensor& map) { EXPECT_EQ(map.size(2), 4); };
    explicit_attention(call, options);
  }
  ExplicitOptions options{.bytes = 4 * 3 * 2 * 4 * 9 * 13, .whole_map = true};
  options.on_logits = [](const Call&, at::Tensor& map) {
    EXPECT_EQ(map.sizes(), at::IntArrayRef({3, 2, 4, 9, 13}));
  };
  explicit_attention(call, options);
}

TEST(ExplicitAttentionTest, RefusesByNamingTheBytesAndAWayOut) {
  const auto message = [](const Call& call, const ExplicitOptions& options) -> std::string {
    try {
      explicit_attention(call, options);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no error";
  };
  const Sizes large{.rows = 1, .heads = 1, .queries = 2, .keys = 1 << 17, .width = 8};
  EXPECT_THAT(message(random_call(large), {.bytes = (1 << 20) - 1, .whole_map = true}),
              AllOf(HasSubstr("layers.0.attn"), HasSubstr("1 MiB"), HasSubstr("layer=")));
  EXPECT_EQ(message(random_call(large), {.bytes = 1 << 20, .whole_map = true}), "no error");
  EXPECT_THAT(
      message(random_call(large, 1, 1, at::kHalf), {.bytes = (8 << 20) - 1}),
      AllOf(HasSubstr("layers.0.attn"), HasSubstr("8 MiB"), HasSubstr("131072 keys"), HasSubstr("heads=")));
  EXPECT_EQ(message(random_call(large, 1, 1, at::kHalf), {.bytes = 8 << 20}), "no error");
}

/// What this thread holds at most, in bytes beyond what it held at first.
class Peak : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    now += bytes, most = std::max(most, now), added += std::max<int64_t>(bytes, 0);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t now = 0, most = 0, added = 0;
};

std::shared_ptr<Peak> peak_of(const Call& call, const ExplicitOptions& options) {
  const auto peak = std::make_shared<Peak>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, peak);
  explicit_attention(call, options);
  return peak;
}

TEST(ExplicitAttentionTest, ConvertsKeysOnceAndKeepsToItsBudget) {
  const Sizes sizes{.rows = 1, .heads = 2, .queries = 512, .keys = 4096, .width = 16};
  const Call half = random_call(sizes, 1, 1, at::kHalf), single = random_call(sizes);
  const int64_t copies = 2 * 4 * sizes.keys * sizes.width,
                budget = 1 << 20;  // 32 queries of one head at a time
  const auto of_half = peak_of(half, {.bytes = budget}), of_single = peak_of(single, {.bytes = budget});
  EXPECT_LE(of_half->added, of_single->added + 2 * copies * 2) << "not once for each block of queries";
  for (const Sizes& shape :
       {sizes, Sizes{.rows = 1, .groups = 2, .heads = 2, .queries = 256, .keys = 4096, .key_groups = 1}}) {
    Call call = random_call(shape);
    call.wants_lse = true;
    const int64_t results = 4 * shape.groups * shape.heads * shape.queries * (shape.width + 1);
    EXPECT_LE(peak_of(call, {.bytes = budget})->most, budget * 3 / 2 + results)
        << testing::PrintToString(shape);
    call.wants_lse = false;
    EXPECT_LE(peak_of(call, {.bytes = budget})->most, budget * 3 / 2 + results)
        << testing::PrintToString(shape);
  }
}

}  // namespace reel::attention::explicit_attention_test
