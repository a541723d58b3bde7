// A causal model through the seam: its cache, edits of some heads, rows of a batch, forks.
#include "tests/support/causal_model.h"

#include <gtest/gtest.h>

#include "attention/plugin/edit_registry.h"

namespace reel::models::causal_model_test {

constexpr int64_t kPrompt = 7, kSteps = 64;

attention::EditPlan plan_of(const std::vector<std::string>& edits) {
  attention::EditRegistry registry;
  attention::register_edits(registry);
  attention::EditPlan plan;
  for (const std::string& edit : edits) plan.push_back(registry.parse(edit));
  return plan;
}

at::Tensor prompt(int64_t rows, uint64_t seed = 5) {
  at::manual_seed(seed);
  return at::randint(0, CausalModel::kVocabulary, {rows, kPrompt}, at::kLong);
}

/// What greedy decoding gives: ids [R, steps], and the logits behind each [R, steps, vocabulary].
struct Decoded {
  at::Tensor ids, logits;
};

Decoded with_cache(const CausalModel& model, at::Tensor ids, const attention::EditPlan& plan) {
  std::vector<Sequence> sequences(size_t(ids.size(0)));
  std::vector<Row> rows(sequences.size());
  for (size_t r = 0; r < rows.size(); ++r) sequences[r].id = 10 + r, rows[r].sequence = &sequences[r];
  std::vector<attention::KeyValues> caches(size_t(CausalModel::kLayers));
  attention::Processor attend(plan);
  std::vector<at::Tensor> chosen, logits;
  for (int64_t step = 0; step < kSteps; ++step) {
    logits.push_back(model.forward(ids, rows, attend, &caches, int(step)).select(1, ids.size(1) - 1));
    ids = logits.back().argmax(-1, /*keepdim=*/true);
    chosen.push_back(ids);
  }
  return {at::cat(chosen, 1), at::stack(logits, 1)};
}

Decoded without_cache(const CausalModel& model, at::Tensor ids, const attention::EditPlan& plan) {
  const std::vector<Row> rows(size_t(ids.size(0)));
  std::vector<at::Tensor> logits;
  for (int64_t step = 0; step < kSteps; ++step) {
    attention::Processor attend(plan);
    logits.push_back(model.forward(ids, rows, attend).select(1, ids.size(1) - 1));
    ids = at::cat({ids, logits.back().argmax(-1, /*keepdim=*/true)}, 1);
  }
  return {ids.narrow(1, kPrompt, kSteps), at::stack(logits, 1)};
}

double difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

class CausalModelCache : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(CausalModelCache, DecodesTheSameIdsAsTheUncachedForm) {
  const CausalModel model;
  const attention::EditPlan plan = plan_of(GetParam());
  const Decoded cached = with_cache(model, prompt(2), plan), whole = without_cache(model, prompt(2), plan);
  EXPECT_TRUE(at::equal(cached.ids, whole.ids));
  EXPECT_LE(difference(cached.logits, whole.logits), 1e-5);
  // A model that says one word for ever would prove little.
  EXPECT_GT(std::get<0>(at::_unique(cached.ids)).numel(), 8);
}

TEST_P(CausalModelCache, StaysNearTheUncachedFormInBf16) {
  const CausalModel model(at::kBFloat16);
  const attention::EditPlan plan = plan_of(GetParam());
  // The same ids for both: one flipped choice would change all that follows.
  at::Tensor ids = at::cat({prompt(1), without_cache(CausalModel(), prompt(1), plan).ids}, 1);
  attention::Processor whole_attend(plan), attend(plan);
  const std::vector<Row> bare(1);
  const at::Tensor whole = model.forward(ids, bare, whole_attend);
  const Sequence sequence{.id = 1};
  const std::vector<Row> rows = {{.sequence = &sequence}};
  std::vector<attention::KeyValues> caches(size_t(CausalModel::kLayers));
  double most = 0;
  for (int64_t i = 0; i < ids.size(1); ++i) {
    const at::Tensor logits = model.forward(ids.narrow(1, i, 1), rows, attend, &caches);
    most = std::max(most, difference(logits.select(1, 0), whole.select(1, i)));
  }
  EXPECT_LE(most, 2e-2 * whole.abs().max().item<double>());
}

INSTANTIATE_TEST_SUITE_P(
    Edits, CausalModelCache,
    testing::Values(std::vector<std::string>{}, std::vector<std::string>{"scale:factor=1.7@heads=0-1"},
                    std::vector<std::string>{"tap:keep=maps@heads=2-3"},
                    std::vector<std::string>{"scale:factor=0.6@heads=2-3",
                                             "scale:factor=1.4@layer=layers.1.* heads=1"}));

class CausalModelRows : public testing::TestWithParam<at::DeviceType> {};

TEST_P(CausalModelRows, DecodeInABatchWhatTheyDecodeAloneBitForBit) {
  if (GetParam() == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  const CausalModel model(at::kFloat, GetParam());
  for (const std::vector<std::string>& edits : {std::vector<std::string>{}, {"scale:factor=1.7@heads=0-1"}}) {
    const at::Tensor ids = prompt(5).to(GetParam());
    const Decoded together = with_cache(model, ids, plan_of(edits));
    for (int64_t r = 0; r < ids.size(0); ++r) {
      const Decoded alone = with_cache(model, ids.narrow(0, r, 1), plan_of(edits));
      EXPECT_TRUE(at::equal(alone.logits[0], together.logits[r])) << "row " << r;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, CausalModelRows, testing::Values(at::kCPU, at::kCUDA),
                         [](const auto& info) { return info.param == at::kCUDA ? "cuda" : "cpu"; });

TEST(CausalModelTest, AForkContinuesAsItsSourceWouldBitForBit) {
  const CausalModel model;
  attention::Processor attend;
  const Sequence first{.id = 1}, second{.id = 2};
  std::vector<attention::KeyValues> caches(size_t(CausalModel::kLayers));
  const std::vector<Row> one = {{.sequence = &first}}, other = {{.sequence = &second}};
  model.forward(prompt(1), one, attend, &caches);
  for (attention::KeyValues& cache : caches) cache.fork(1, 2);
  const at::Tensor next = at::full({1, 1}, 3, at::kLong);
  const at::Tensor continued = model.forward(next, one, attend, &caches);
  EXPECT_TRUE(at::equal(model.forward(next, other, attend, &caches), continued));
  for (attention::KeyValues& cache : caches) cache.drop(1);
  EXPECT_EQ(caches[0].length(1), 0);
  EXPECT_EQ(caches[0].length(2), kPrompt + 1);
}

TEST(CausalModelTest, RowsOfUnequalLengthDecodeWhatTheyDecodeAloneBitForBit) {
  const CausalModel model;
  attention::Processor attend;
  const Sequence first{.id = 1}, second{.id = 2};
  const std::vector<Row> rows = {{.sequence = &first}, {.sequence = &second}};
  const auto run = [&](std::vector<Row> chosen, bool together) {
    std::vector<attention::KeyValues> caches(size_t(CausalModel::kLayers));
    model.forward(prompt(1, 5), {&rows[0], 1}, attend, &caches);
    model.forward(prompt(1, 6).narrow(1, 0, 3), {&rows[1], 1}, attend, &caches);
    const at::Tensor next = at::tensor({int64_t{4}, int64_t{9}}, at::kLong).view({2, 1});
    if (together) return model.forward(next, chosen, attend, &caches);
    return at::cat({model.forward(next.narrow(0, 0, 1), {&chosen[0], 1}, attend, &caches),
                    model.forward(next.narrow(0, 1, 1), {&chosen[1], 1}, attend, &caches)});
  };
  EXPECT_TRUE(at::equal(run(rows, true), run(rows, false)));
}

}  // namespace reel::models::causal_model_test
