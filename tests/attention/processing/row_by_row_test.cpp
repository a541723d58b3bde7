// Rows with numbers of keys of their own give what they give alone, bit for bit, by every path.
#include "attention/processing/row_by_row.h"

#include <gtest/gtest.h>

#include "attention/explicit_attention.h"
#include "attention/fused_attention.h"
#include "attention/key_values.h"
#include "attention/processor.h"

namespace reel::attention::row_by_row_test {

constexpr int64_t kHeads = 4, kKeyHeads = 2, kWidth = 12;
const Site kSite{.path = "layer", .kind = SiteKind::kCausal, .heads = 4, .kv_heads = 2};
const Step kStep;

/// Three sequences of 5, 37 and 300 keys in caches of their own or in one, and a query for each.
class RowByRowTest : public testing::Test {
 protected:
  RowByRowTest() {
    at::manual_seed(3);
    for (size_t r = 0; r < sequences_.size(); ++r) {
      sequences_[r].id = 40 + r;
      k_.push_back(at::randn({1, 1, kKeyHeads, lengths_[r], kWidth}));
      v_.push_back(at::randn({1, 1, kKeyHeads, lengths_[r], kWidth}));
    }
  }
  Row row(size_t r) const { return {.sequence = &sequences_[r]}; }
  void fill(KeyValues& cache, const std::vector<size_t>& order) const {
    for (const size_t r : order) {
      const Row one = row(r);
      cache.append({&one, 1}, k_[r], v_[r]);
    }
  }
  Call call(const std::vector<Row>& rows, const std::vector<size_t>& chosen, KeyValues* cache) const {
    const auto of = [&](const at::Tensor& t) {
      std::vector<at::Tensor> parts;
      for (const size_t r : chosen) parts.push_back(t.narrow(0, int64_t(r), 1));
      return at::cat(parts);
    };
    Call call{.site = kSite, .step = kStep, .rows = rows};
    call.q = of(q_), call.k = of(new_k_), call.v = of(new_v_);
    call.cache = cache, call.visible.causal = true;
    return call;
  }
  at::Tensor alone(size_t r, const EditPlan& plan = {}) const {
    KeyValues cache;
    fill(cache, {r});
    const std::vector<Row> rows = {row(r)};
    return Processor(plan).attend(call(rows, {r}, &cache));
  }

  const std::vector<int64_t> lengths_ = {5, 37, 300};
  std::vector<Sequence> sequences_ = std::vector<Sequence>(3);
  std::vector<at::Tensor> k_, v_;
  const at::Tensor q_ = at::randn({3, 1, kHeads, 1, kWidth}),
                   new_k_ = at::randn({3, 1, kKeyHeads, 1, kWidth}),
                   new_v_ = at::randn({3, 1, kKeyHeads, 1, kWidth});
};

/// Changes nothing, by one of the hooks.
class Neutral : public Edit {
 public:
  explicit Neutral(bool map) : map_(map) {}
  Hooks hooks() const override { return {.inputs = !map_, .probs = map_}; }
  void on_probs(const Call& call, at::Tensor& probs) override {
    EXPECT_EQ(probs.size(4), call.k.size(3));
    EXPECT_FALSE(call.visible.key_lengths.defined()) << "a row is shown without padding";
  }

 private:
  bool map_;
};

EditPlan plan_of(bool map) {
  EditRule rule;
  rule.name = "neutral";
  rule.make = [map] { return std::make_unique<Neutral>(map); };
  return {rule};
}

TEST_F(RowByRowTest, OfACacheGiveWhatTheyGiveAlone) {
  for (const std::vector<size_t>& order : {std::vector<size_t>{0, 1, 2}, {2, 0, 1}}) {
    for (const EditPlan& plan : {EditPlan{}, plan_of(false), plan_of(true)}) {
      KeyValues cache;
      fill(cache, order);
      const std::vector<Row> rows = {row(0), row(1), row(2)};
      EXPECT_FALSE(cache.is_view(rows));
      const at::Tensor together = Processor(plan).attend(call(rows, {0, 1, 2}, &cache));
      for (size_t r = 0; r < rows.size(); ++r)
        EXPECT_TRUE(at::equal(together.narrow(0, int64_t(r), 1), alone(r, plan))) << r;
    }
  }
}

TEST_F(RowByRowTest, OfOneLengthThatLieApartGiveWhatTheyGiveAlone) {
  KeyValues cache;
  sequences_.resize(4);
  sequences_[3].id = 77;
  for (const size_t r : {0, 3, 1}) {  // another sequence between them
    const Row one = row(r);
    cache.append({&one, 1}, k_[2].narrow(3, 0, 9), v_[2].narrow(3, 0, 9));
  }
  const std::vector<Row> apart = {row(0), row(1)}, neighbours = {row(0), row(3)}, turned = {row(3), row(0)};
  EXPECT_TRUE(cache.is_view(neighbours));
  EXPECT_FALSE(cache.is_view(apart));
  EXPECT_FALSE(cache.is_view(turned));
  const at::Tensor together = Processor().attend(call(apart, {0, 1}, &cache));
  for (size_t r = 0; r < 2; ++r) {
    KeyValues own;
    const std::vector<Row> one = {row(r)};
    own.append(one, k_[2].narrow(3, 0, 9), v_[2].narrow(3, 0, 9));
    EXPECT_TRUE(at::equal(Processor().attend(call(one, {r}, &own)), together.narrow(0, int64_t(r), 1)));
  }
}

TEST_F(RowByRowTest, WithoutACacheSeeTheirRealKeysAlone) {
  Call all{.site = kSite, .step = kStep};
  all.q = at::randn({3, 1, kHeads, 3, kWidth});
  all.k = at::randn({3, 1, kKeyHeads, 20, kWidth}), all.v = at::randn({3, 1, kKeyHeads, 20, kWidth});
  all.visible.key_lengths = at::tensor({20, 7, 0}, at::kLong).view({3, 1});
  all.wants_lse = true;
  for (const bool explicitly : {false, true}) {
    const auto attend = [&](const Call& call) {
      return explicitly ? explicit_attention(call, {}) : fused_attention(call);
    };
    const Partial together = attend(all);
    for (int64_t r = 0; r < 3; ++r) {
      const int64_t length = all.visible.key_lengths[r][0].item<int64_t>();
      if (length == 0) {
        EXPECT_TRUE(at::equal(together.out[r], at::zeros_like(together.out[r])));
        EXPECT_TRUE(together.lse[r].isneginf().all().item<bool>());
        continue;
      }
      Call one{.site = kSite, .step = kStep};
      one.q = all.q.narrow(0, r, 1), one.wants_lse = true;
      one.k = all.k.narrow(0, r, 1).narrow(3, 0, length), one.v = all.v.narrow(0, r, 1).narrow(3, 0, length);
      const Partial alone = attend(one);
      EXPECT_TRUE(at::equal(alone.out, together.out.narrow(0, r, 1))) << r;
      EXPECT_TRUE(at::equal(alone.lse, together.lse.narrow(0, r, 1))) << r;
    }
  }
}

}  // namespace reel::attention::row_by_row_test
