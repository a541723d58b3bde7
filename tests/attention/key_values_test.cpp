// The cache against plain concatenation, and attention with it against attention over all keys.
#include "attention/key_values.h"

#include <gmock/gmock.h>

#include <random>

#include "attention/processor.h"
#include "tests/attention/by_definition.h"

namespace reel::attention::key_values_test {

constexpr int64_t kHeads = 2, kWidth = 4, kValueWidth = 3;

/// Sequences by number; rows point to them.
class Batch {
 public:
  std::vector<Row> rows(const std::vector<uint64_t>& ids) {
    std::vector<Row> rows;
    for (const uint64_t id : ids) {
      sequences_[id].id = id;
      rows.push_back({.sequence = &sequences_[id]});
    }
    return rows;
  }

 private:
  std::map<uint64_t, Sequence> sequences_;
};

at::Tensor keys_of(size_t rows, int64_t n) { return at::randn({int64_t(rows), 1, kHeads, n, kWidth}); }
at::Tensor values_of(size_t rows, int64_t n) { return at::randn({int64_t(rows), 1, kHeads, n, kValueWidth}); }

TEST(KeyValuesTest, HoldsWhatWasAppendedForksAndForgetsAsPlainConcatenation) {
  std::mt19937 random(1);
  at::manual_seed(1);
  for (int repeat = 0; repeat < 15; ++repeat) {
    KeyValues cache;
    Batch batch;
    std::map<uint64_t, std::pair<at::Tensor, at::Tensor>> held;  // [1, heads, T, width]
    for (int action = 0; action < 40; ++action) {
      std::vector<uint64_t> ids = {0, 1, 2, 3, 4, 5};
      std::shuffle(ids.begin(), ids.end(), random);
      if (const auto kind = random() % 10; kind < 6 || held.empty()) {
        ids.resize(1 + random() % 4);
        const int64_t n = random() % 3 ? 1 + random() % 5 : 100 + random() % 200;
        const at::Tensor k = keys_of(ids.size(), n), v = values_of(ids.size(), n);
        cache.append(batch.rows(ids), k, v);
        for (size_t r = 0; r < ids.size(); ++r) {
          auto& [old_k, old_v] = held[ids[r]];
          old_k = old_k.defined() ? at::cat({old_k, k[int64_t(r)]}, 2) : k[int64_t(r)];
          old_v = old_v.defined() ? at::cat({old_v, v[int64_t(r)]}, 2) : v[int64_t(r)];
        }
      } else if (kind < 8 && held.count(ids[0]) && !held.count(ids[1])) {
        cache.fork(ids[0], ids[1]);
        held[ids[1]] = held[ids[0]];
      } else if (kind == 8) {
        cache.drop(ids[0]);
        held.erase(ids[0]);
      }
      for (const uint64_t id : ids) EXPECT_EQ(cache.length(id), held.count(id) ? held[id].first.size(2) : 0);
      std::vector<uint64_t> here;
      for (const auto& [id, tensors] : held) here.push_back(id);
      if (here.empty()) continue;
      std::shuffle(here.begin(), here.end(), random);
      here.resize(1 + random() % here.size());
      const KeyValues::View view = cache.view(batch.rows(here));
      int64_t longest = 0;
      for (size_t r = 0; r < here.size(); ++r) {
        const auto& [k, v] = held[here[r]];
        ASSERT_EQ(view.lengths[r], k.size(2));
        longest = std::max(longest, k.size(2));
        EXPECT_TRUE(at::equal(view.k[int64_t(r)].narrow(2, 0, k.size(2)), k));
        EXPECT_TRUE(at::equal(view.v[int64_t(r)].narrow(2, 0, k.size(2)), v));
      }
      EXPECT_EQ(view.k.size(3), longest);
    }
  }
}

TEST(KeyValuesTest, RowsThatCameTogetherAreAViewInTheirOrder) {
  Batch batch;
  KeyValues cache;
  cache.append(batch.rows({7, 3, 5}), keys_of(3, 4), values_of(3, 4));
  const at::Tensor view = cache.view(batch.rows({7, 3, 5})).k;
  EXPECT_TRUE(view.is_alias_of(cache.view(batch.rows({7, 3, 5})).k));
  EXPECT_TRUE(cache.view(batch.rows({3, 5})).k.is_alias_of(view));
  EXPECT_FALSE(cache.view(batch.rows({5, 3})).k.is_alias_of(view)) << "another order is a copy";
  cache.drop(3);
  cache.append(batch.rows({10, 11}), keys_of(2, 4), values_of(2, 4));
  EXPECT_TRUE(cache.view(batch.rows({10, 11})).k.is_alias_of(cache.view(batch.rows({7})).k))
      << "as do those that came to a cache with gaps";
}

TEST(KeyValuesTest, ACopyHoldsTheChosenRowsAndGoesItsOwnWay) {
  KeyValues cache;
  Batch batch;
  cache.append(batch.rows({7}), keys_of(1, 3), values_of(1, 3));
  cache.append(batch.rows({8, 7, 9}), keys_of(3, 5), values_of(3, 5));
  const auto rows = batch.rows({7, 9, 10});  // the last is new
  const KeyValues::View before = cache.view(batch.rows({7, 9}));
  KeyValues copy = cache.copy_of(rows);
  EXPECT_EQ(copy.length(8), 0);
  const KeyValues::View copied = copy.view(batch.rows({7, 9}));
  EXPECT_EQ(copied.lengths, before.lengths);
  for (int64_t r = 0; r < 2; ++r) {
    const int64_t length = before.lengths[size_t(r)];
    EXPECT_TRUE(at::equal(copied.k[r].narrow(2, 0, length), before.k[r].narrow(2, 0, length)));
    EXPECT_TRUE(at::equal(copied.v[r].narrow(2, 0, length), before.v[r].narrow(2, 0, length)));
  }
  copy.append(rows, keys_of(3, 1), values_of(3, 1));
  EXPECT_EQ(copy.length(7), 9);
  EXPECT_EQ(cache.length(7), 8);
  EXPECT_EQ(cache.length(10), 0);
}

TEST(KeyValuesTest, GrowsInBlocksAndUsesPlacesAgain) {
  Batch batch;
  KeyValues cache;
  EXPECT_EQ(cache.bytes(), 0);
  const auto bytes = [](int64_t places, int64_t tokens) {
    return places * tokens * kHeads * (kWidth + kValueWidth) * 4;
  };
  cache.append(batch.rows({1, 2}), keys_of(2, 1), values_of(2, 1));
  EXPECT_EQ(cache.bytes(), bytes(2, KeyValues::kBlock));
  cache.append(batch.rows({1}), keys_of(1, KeyValues::kBlock - 1), values_of(1, KeyValues::kBlock - 1));
  EXPECT_EQ(cache.bytes(), bytes(2, KeyValues::kBlock));
  cache.append(batch.rows({1}), keys_of(1, 1), values_of(1, 1));
  EXPECT_EQ(cache.bytes(), bytes(2, 2 * KeyValues::kBlock));
  for (uint64_t id = 10; id < 30; ++id) {
    cache.append(batch.rows({id}), keys_of(1, 3), values_of(1, 3));
    cache.drop(id);
  }
  EXPECT_EQ(cache.bytes(), bytes(3, 2 * KeyValues::kBlock));
}

TEST(KeyValuesTest, RefusesWhatItCannotHoldAndStaysAsItWas) {
  Batch batch;
  KeyValues cache;
  const std::vector<Row> none = {{}};
  EXPECT_THROW(cache.append(none, keys_of(1, 2), values_of(1, 2)), std::invalid_argument) << "no sequence";
  EXPECT_THROW(cache.append(batch.rows({1}), at::randn({1, 2, 9, 2, 9}), at::randn({1, 2, 9, 2, 9})),
               std::invalid_argument)
      << "two groups";
  // What was refused decides on nothing.
  cache.append(batch.rows({1}), keys_of(1, 2), values_of(1, 2));
  const auto refuses = [&](const std::vector<Row>& rows, const at::Tensor& k, const at::Tensor& v) {
    EXPECT_THROW(cache.append(rows, k, v), std::invalid_argument) << k.sizes() << v.sizes();
    EXPECT_EQ(cache.length(1), 2);
    EXPECT_EQ(cache.length(2), 0);
  };
  refuses(batch.rows({1, 1}), keys_of(2, 1), values_of(2, 1));
  refuses(batch.rows({1, 2}), keys_of(1, 1), values_of(1, 1));
  refuses(batch.rows({1, 2}), keys_of(2, 1), values_of(1, 1));
  refuses(batch.rows({1}), keys_of(1, 1), values_of(1, 2));
  refuses(batch.rows({1}), at::randn({1, 1, kHeads + 1, 1, kWidth}), values_of(1, 1));
  refuses(batch.rows({1}), at::randn({1, 1, kHeads, 1, kWidth + 1}), values_of(1, 1));
  refuses(batch.rows({1}), keys_of(1, 1), at::randn({1, 1, kHeads, 1, kValueWidth + 1}));
  refuses(batch.rows({1}), keys_of(1, 1), at::randn({1, 2, kHeads, 1, kValueWidth}));
  EXPECT_THROW(cache.view(batch.rows({2})), std::invalid_argument);
  EXPECT_THROW(cache.fork(2, 3), std::invalid_argument) << "no source";
  EXPECT_THROW(cache.fork(1, 1), std::invalid_argument) << "here already";
  cache.drop(99);
  EXPECT_EQ(cache.length(1), 2);
}

const Rotary kRotary = Rotary::plain(8);

Call piece(const Call& whole, int64_t first, int64_t count) {
  Call part = whole;
  for (at::Tensor* t : {&part.q, &part.k, &part.v, &part.positions}) *t = t->narrow(3, first, count);
  return part;
}

Call causal_call(int64_t rows, int64_t n, uint64_t seed = 1) {
  Call call = random_call({.rows = rows, .heads = 4, .queries = n, .keys = n, .key_heads = 2}, 1, seed);
  call.rotary = &kRotary, call.visible.causal = true;
  call.positions = at::arange(n, at::kFloat).view({1, 1, 1, n, 1});
  return call;
}

TEST(CachedAttentionTest, OfAPromptInChunksIsThatOfAllAtOnce) {
  Batch batch;
  const std::vector<Row> rows = batch.rows({4, 1});
  Call whole = causal_call(2, 300);
  whole.rows = rows;
  const at::Tensor expected = Processor().attend(whole);
  Call told = whole;
  told.key_positions = told.positions;
  EXPECT_LE(difference(expected, by_definition(told).out), 2e-6);
  for (const std::vector<int64_t>& ends :
       {std::vector<int64_t>{300}, {7, 300}, {255, 256, 257, 300}, {1, 2, 298, 299, 300}}) {
    KeyValues cache;
    int64_t first = 0;
    for (const int64_t end : ends) {
      Call part = piece(whole, first, end - first);
      part.cache = &cache;
      EXPECT_LE(difference(Processor().attend(part), expected.narrow(3, first, end - first)), 1e-6) << first;
      first = end;
    }
  }
}

TEST(CachedAttentionTest, OfRaggedRowsIsThatOfEachRowAlone) {
  Batch batch;
  const std::vector<Row> rows = batch.rows({4, 1, 9});
  const std::vector<int64_t> lengths = {5, 270, 12};
  KeyValues together;
  std::vector<KeyValues> alone(3);
  for (size_t r = 0; r < 3; ++r) {
    Call prompt = causal_call(1, lengths[r], 10 + r);
    prompt.rows = std::span(rows).subspan(r, 1);
    for (KeyValues* cache : {&together, &alone[r]}) {
      prompt.cache = cache;
      Processor().attend(prompt);
    }
  }
  for (const int64_t n : {1, 3, 1}) {
    for (const std::vector<uint64_t>& order : {std::vector<uint64_t>{4, 1, 9}, {9, 4, 1}, {1, 9}}) {
      const std::vector<Row> chosen = batch.rows(order);
      Call step = causal_call(int64_t(order.size()), n, 30 + uint64_t(n));
      step.rows = chosen;
      std::vector<double> starts;
      for (const uint64_t id : order) starts.push_back(double(together.length(id)));
      step.positions = at::tensor(starts).view({-1, 1, 1, 1, 1}) + at::arange(n).view({1, 1, 1, n, 1});
      Call all = step;
      all.cache = &together;
      const at::Tensor out = Processor().attend(all);
      for (size_t r = 0; r < order.size(); ++r) {
        Call one = step;
        for (at::Tensor* t : {&one.q, &one.k, &one.v, &one.positions}) *t = t->narrow(0, int64_t(r), 1);
        one.rows = std::span(chosen).subspan(r, 1);
        one.cache = &alone[order[r] == 4 ? 0 : order[r] == 1 ? 1 : 2];
        EXPECT_LE(difference(out[int64_t(r)], Processor().attend(one)[0]), 1e-6) << "sequence " << order[r];
      }
    }
  }
}

TEST(CachedAttentionTest, AForkContinuesBitForBitAsItsSource) {
  Batch batch;
  KeyValues cache;
  Call prompt = causal_call(1, 20);
  const std::vector<Row> source = batch.rows({1}), fork = batch.rows({2}), other = batch.rows({3});
  const auto attend = [&](Call call, const std::vector<Row>& rows) {
    call.rows = rows, call.cache = &cache;
    return Processor().attend(call);
  };
  attend(prompt, source);
  cache.fork(1, 2);
  attend(causal_call(1, 300, 5), other);  // moves the memory
  for (uint64_t step = 0; step < 3; ++step) {
    const Call next = causal_call(1, 1, 7 + step);
    EXPECT_TRUE(at::equal(attend(next, source), attend(next, fork)));
  }
  attend(causal_call(1, 2, 20), fork);
  EXPECT_EQ(cache.length(1), 23);
  EXPECT_EQ(cache.length(2), 25);
}

TEST(CachedAttentionTest, ReadsNothingOfWhatLiesBehindAShorterRow) {
  Batch batch;
  KeyValues cache;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Call dirty = causal_call(1, 40);
  dirty.k = at::full_like(dirty.k, nan), dirty.v = at::full_like(dirty.v, nan);
  const std::vector<Row> first = batch.rows({1}), shorter = batch.rows({2}), longer = batch.rows({3}),
                         both = batch.rows({2, 3});
  const auto attend = [&](Call call, const std::vector<Row>& rows) {
    call.rows = rows, call.cache = &cache;
    return Processor().attend(call);
  };
  attend(dirty, first);
  cache.drop(1);
  attend(causal_call(1, 3), shorter);
  attend(causal_call(1, 30), longer);
  EXPECT_FALSE(attend(causal_call(2, 1), both).isnan().any().item<bool>());
}

}  // namespace reel::attention::key_values_test
