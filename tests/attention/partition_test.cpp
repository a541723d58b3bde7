// Parts are disjoint and cover a call, claims act on exactly their cells, and what is taken can be put back.
#include "attention/partition.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/attention/by_definition.h"

namespace reel::attention::partition_test {

Indices all_of(int64_t count) {
  Indices all;
  for (int64_t i = 0; i < count; ++i) all.push_back(i);
  return all;
}
Indices in_full(const Indices& indices, int64_t count) { return indices.empty() ? all_of(count) : indices; }
bool holds(const Indices& indices, int64_t count, int64_t value) {
  return indices.empty() ? value < count : std::count(indices.begin(), indices.end(), value) > 0;
}

/// Some of `count`, ascending, at least one; empty for all.
Indices some(std::mt19937& random, int64_t count) {
  Indices chosen;
  while (chosen.empty()) {
    for (int64_t i = 0; i < count; ++i) {
      if (random() % 2) chosen.push_back(i);
    }
  }
  if (static_cast<int64_t>(chosen.size()) == count) chosen.clear();
  return chosen;
}

TEST(PartsTest, AreDisjointCoverEverythingAndAreActedOnByTheClaimsOfTheirCells) {
  std::mt19937 random(1);
  for (int repeat = 0; repeat < 3000; ++repeat) {
    const int64_t rows = 1 + random() % 4, heads = 1 + random() % 6;
    std::vector<Claim> claims(random() % 5);
    for (Claim& claim : claims) claim = {some(random, rows), some(random, heads), random() % 3 == 0};
    const std::vector<Part> parts = parts_of(rows, heads, claims);
    std::vector<std::vector<int>> owner(size_t(rows), std::vector<int>(size_t(heads), -1));
    for (size_t p = 0; p < parts.size(); ++p) {
      EXPECT_TRUE(std::is_sorted(parts[p].rows.begin(), parts[p].rows.end()));
      EXPECT_TRUE(std::is_sorted(parts[p].heads.begin(), parts[p].heads.end()));
      EXPECT_TRUE(std::is_sorted(parts[p].acting.begin(), parts[p].acting.end()))
          << "claims keep their order";
      EXPECT_LT(parts[p].rows.size(), size_t(rows)) << "all rows are an empty list";
      EXPECT_LT(parts[p].heads.size(), size_t(heads));
      for (const int64_t r : in_full(parts[p].rows, rows))
        for (const int64_t h : in_full(parts[p].heads, heads)) {
          ASSERT_EQ(owner[size_t(r)][size_t(h)], -1) << "two parts hold row " << r << ", head " << h;
          owner[size_t(r)][size_t(h)] = int(p);
        }
    }
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t h = 0; h < heads; ++h) {
        const int p = owner[size_t(r)][size_t(h)];
        ASSERT_GE(p, 0) << "no part holds row " << r << ", head " << h;
        const std::vector<size_t>& acting = parts[size_t(p)].acting;
        const bool kept =
            std::any_of(acting.begin(), acting.end(), [&](size_t c) { return claims[c].whole; });
        for (size_t c = 0; c < claims.size(); ++c) {
          const bool claimed = holds(claims[c].rows, rows, r) && holds(claims[c].heads, heads, h);
          const bool acts = std::count(acting.begin(), acting.end(), c) > 0;
          EXPECT_TRUE(acts || !claimed) << "a claim misses its cell";
          EXPECT_TRUE(claimed || !acts || kept) << "a claim acts beyond its cells";
        }
      }
    for (const Claim& claim : claims) {
      if (!claim.whole) continue;
      std::set<int> owners;
      for (const int64_t r : in_full(claim.rows, rows))
        for (const int64_t h : in_full(claim.heads, heads)) owners.insert(owner[size_t(r)][size_t(h)]);
      EXPECT_EQ(owners.size(), 1u) << "a whole claim is split";
    }
    for (size_t p = 0; p < parts.size(); ++p)
      for (const size_t c : parts[p].acting) {
        bool meets = false;
        for (const int64_t r : in_full(parts[p].rows, rows))
          for (const int64_t h : in_full(parts[p].heads, heads))
            meets |= holds(claims[c].rows, rows, r) && holds(claims[c].heads, heads, h);
        EXPECT_TRUE(meets) << "a claim acts on a part that has none of its cells";
      }
  }
}

TEST(PartsTest, AreOneWithoutClaimsAndForClaimsOfEverything) {
  EXPECT_EQ(parts_of(3, 4, {}).size(), 1u);
  const std::vector<Claim> claims = {{}, {{}, {}, true}};
  const std::vector<Part> parts = parts_of(3, 4, claims);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_TRUE(parts[0].all());
  EXPECT_THAT(parts[0].acting, testing::ElementsAre(0, 1));
}

TEST(SelectionTest, WhatIsTakenIsThatPartAndPutsBackIntoItsPlaceOnly) {
  std::mt19937 random(2);
  at::manual_seed(1);
  for (int repeat = 0; repeat < 500; ++repeat) {
    const int64_t rows = 1 + random() % 5, heads = 1 + random() % 6;
    const Indices of_rows = some(random, rows), of_heads = some(random, heads);
    const Selection selection(of_rows, of_heads);
    const at::Tensor whole = at::randn({rows, 2, heads, 3}), before = whole.clone();
    at::Tensor part = selection.take(whole);
    const Indices chosen_rows = in_full(of_rows, rows), chosen_heads = in_full(of_heads, heads);
    ASSERT_EQ(part.size(0), int64_t(chosen_rows.size()));
    ASSERT_EQ(part.size(2), int64_t(chosen_heads.size()));
    selection.put(whole, part);
    EXPECT_TRUE(at::equal(whole, before)) << "put after take changes nothing";
    part = part + 10;
    selection.put(whole, part);
    at::Tensor expected = before.clone();
    for (const int64_t r : chosen_rows)
      for (const int64_t h : chosen_heads) expected[r].select(1, h).add_(10);
    EXPECT_TRUE(at::equal(whole, expected));
    selection.put(whole, part.to(at::kDouble));
    EXPECT_TRUE(at::equal(whole, expected)) << "of another dtype";
  }
}

TEST(SelectionTest, DimensionsOfSizeOneAreSharedAndStay) {
  const Indices rows = {0, 2, 3}, heads = {1, 2, 4};
  const Selection selection(rows, heads);
  EXPECT_EQ(selection.take(at::zeros({1, 2, 1, 3})).sizes(), at::IntArrayRef({1, 2, 1, 3}));
  EXPECT_EQ(selection.take(at::zeros({4, 2, 1, 3})).sizes(), at::IntArrayRef({3, 2, 1, 3}));
  EXPECT_EQ(selection.take(at::zeros({1, 2, 5, 3})).sizes(), at::IntArrayRef({1, 2, 3, 3}));
}

TEST(SelectionTest, EvenChoicesAreViews) {
  const at::Tensor whole = at::randn({4, 2, 6, 3}), before = whole.clone();
  const Indices rows = {1, 3}, heads = {0, 2, 4};
  Selection(rows, heads).take(whole).add_(1);
  for (const int64_t r : rows)
    for (const int64_t h : heads) EXPECT_TRUE(at::equal(whole[r].select(1, h), before[r].select(1, h) + 1));
  EXPECT_EQ((whole != before).sum().item<int64_t>(), 2 * 2 * 3 * 3);
}

TEST(SelectionTest, TakesForEachQueryHeadTheKeyHeadThatItReads) {
  std::mt19937 random(3);
  for (const int64_t shared : {1, 2, 3, 6})
    for (int repeat = 0; repeat < 60; ++repeat) {
      const int64_t heads = 6, key_heads = heads / shared, rows = 3;
      const Indices of_rows = some(random, rows), of_heads = some(random, heads);
      const Selection selection(of_rows, of_heads);
      for (const int64_t width : {key_heads, int64_t{1}}) {  // of positions, all heads may share one
        const at::Tensor keys = at::randn({rows, 1, width, 4, 2}), taken = selection.take_keys(keys, shared);
        const Indices chosen = in_full(of_heads, heads), chosen_rows = in_full(of_rows, rows);
        ASSERT_TRUE(taken.size(2) == 1 || int64_t(chosen.size()) % taken.size(2) == 0);
        const int64_t now_shared = int64_t(chosen.size()) / taken.size(2);
        for (size_t r = 0; r < chosen_rows.size(); ++r)
          for (size_t h = 0; h < chosen.size(); ++h) {
            EXPECT_TRUE(at::equal(taken[int64_t(r)].select(1, int64_t(h) / now_shared),
                                  keys[chosen_rows[r]].select(1, width == 1 ? 0 : chosen[h] / shared)));
          }
      }
    }
}

TEST(NarrowCallTest, HoldsThatPartOfEverythingTheCallSays) {
  std::mt19937 random(4);
  const std::vector<Row> rows = {{.segment = 0}, {.segment = 1}, {.segment = 2}};
  const Rotary rotary = Rotary::plain(8);
  for (const int64_t key_heads : {1, 2, 3, 6})
    for (int repeat = 0; repeat < 30; ++repeat) {
      Call call =
          random_call({.rows = 3, .groups = 2, .heads = 6, .queries = 4, .keys = 5, .key_heads = key_heads});
      const bool each = repeat % 2;
      call.rows = rows, call.rotary = &rotary;
      call.positions = at::rand({each ? 3 : 1, 1, each ? 6 : 1, 4, 1});
      call.key_positions = at::rand({each ? 3 : 1, 1, each ? key_heads : 1, 5, 1});
      call.visible = {.causal = true,
                      .own_key = at::randint(0, 5, {3}, at::kLong),
                      .query_order = at::randint(3, 9, {3, 1, each ? 6 : 1, 4}, at::kInt),
                      .key_order = at::randint(0, 9, {1, 2, each ? 6 : 1, 5}, at::kInt),
                      .key_lengths = at::randint(2, 6, {3, 1}, at::kLong),
                      .key_bias = at::randn({3, 1, 6, 5})};
      call.bias = each ? at::randn({6, 4, 5}) : at::randn({3, 1, 1, 4, 5});
      const Indices of_rows = some(random, 3), of_heads = some(random, 6);
      const Selection selection(of_rows, of_heads);
      NarrowCall narrowed(call, selection);
      const ByDefinition part = by_definition(narrowed.call()), whole = by_definition(call);
      EXPECT_EQ(difference(part.out, selection.take(whole.out)), 0);
      EXPECT_EQ(difference(part.lse, selection.take(whole.lse)), 0);
      const Indices chosen = in_full(of_rows, 3);
      for (size_t r = 0; r < chosen.size(); ++r) EXPECT_EQ(narrowed.call().rows[r].segment, chosen[r]);
      const Indices of_none;
      const Indices first = {0};
      NarrowCall again(narrowed.call(), Selection(of_none, first));
      EXPECT_EQ(again.call().heads[0], of_heads.empty() ? 0 : of_heads[0]) << "heads of the site";
    }
}

TEST(WholeGroupsTest, AreThoseOfWhichNoHeadIsMissing) {
  EXPECT_EQ(in_groups({}, 6, 2), Indices{});
  EXPECT_EQ(in_groups({1, 4}, 6, 1), (Indices{1, 4}));
  EXPECT_EQ(in_groups({1, 4}, 6, 2), (Indices{0, 1, 4, 5}));
  EXPECT_EQ(in_groups({1, 4}, 6, 3), Indices{});
  EXPECT_EQ(places_in({0, 1, 4, 5}, {1, 4}), (Indices{1, 2}));
  EXPECT_EQ(places_in({}, {1, 4}), (Indices{1, 4}));
  EXPECT_TRUE(whole_groups({}, 3));
  EXPECT_TRUE(whole_groups({1, 4}, 1));
  EXPECT_TRUE(whole_groups({2, 3, 6, 7}, 2));
  EXPECT_FALSE(whole_groups({1, 2}, 2));
  EXPECT_FALSE(whole_groups({0, 1, 2}, 2));
}

TEST(PutInputsTest, ChangesTheChosenPartAndNothingElse) {
  std::mt19937 random(5);
  for (const int64_t key_heads : {1, 2, 3, 6})
    for (int repeat = 0; repeat < 40; ++repeat) {
      Call call =
          random_call({.rows = 3, .groups = 2, .heads = 6, .queries = 4, .keys = 5, .key_heads = key_heads});
      const at::Tensor q = call.q.clone(), k = call.k.clone(), v = call.v.clone();
      if (repeat % 2) call.bias = at::randn({4, 5});
      const Call original = call;
      const Indices of_rows = some(random, 3), of_heads = some(random, 6);
      const Selection selection(of_rows, of_heads);
      NarrowCall narrowed(call, selection);
      const Call before = narrowed.call();
      Call& after = narrowed.call();
      if (random() % 2) after.q = after.q * 2;
      if (random() % 2) after.k = after.k - 1;
      if (random() % 2) after.v = after.v + 1;
      if (random() % 2) after.scale = 0.3;
      if (random() % 2) after.bias = at::randn({4, 5});
      if (random() % 2) after.visible.key_bias = at::randn({1, 2, 1, 5});
      if (random() % 2) {
        after.visible.query_order = at::arange(4, at::kInt).view({1, 1, 1, 4});
        after.visible.key_order = at::arange(5, at::kInt).view({1, 1, 1, 5});
      }
      const at::Tensor expected = by_definition(after).out;
      put_inputs(call, selection, before, after);
      const at::Tensor out = by_definition(call).out;
      EXPECT_LE(difference(selection.take(out), expected), 1e-6);
      at::Tensor others = by_definition(original).out;
      selection.put(others, expected);
      EXPECT_LE(difference(out, others), 1e-6);
      EXPECT_TRUE(at::equal(original.q, q) && at::equal(original.k, k) && at::equal(original.v, v))
          << "the tensors of the call itself stay";
    }
}

}  // namespace reel::attention::partition_test
