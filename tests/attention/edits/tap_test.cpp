#include <gtest/gtest.h>

#include "attention/plugin/edit_registry.h"
#include "attention/processor.h"

namespace reel::attention::tap_test {

const Site kSite{.path = "mid_block.attn1", .kind = SiteKind::kTemporal, .heads = 2};
const Step kStep{.index = 3, .count = 10};
const std::vector<Row> kRows(2);

Call make_call() {
  at::manual_seed(1);
  Call call{.site = kSite, .step = kStep, .rows = kRows};
  call.q = at::randn({2, 3, 2, 5, 4}), call.k = at::randn({2, 3, 2, 5, 4}),
  call.v = at::randn({2, 3, 2, 5, 4});
  return call;
}

EditRegistry registry() {
  EditRegistry all;
  register_edits(all);
  return all;
}

std::map<std::string, at::Tensor> recorded(const std::string& edit, int calls = 1) {
  const auto edits = registry();
  Processor attend({edits.parse(edit)});
  for (int i = 0; i < calls; ++i) attend.attend(make_call());
  const auto recordings = attend.recordings();
  return recordings.empty() ? std::map<std::string, at::Tensor>{} : recordings[0].tensors;
}

TEST(TapTest, KeepsTheMapsItWasAskedFor) {
  const Call call = make_call();
  const at::Tensor map = at::softmax(at::matmul(call.q, call.k.transpose(-1, -2)) / 2.0, -1);
  const std::string name = "mid_block.attn1/step3";
  const auto error = [&](const std::string& keep, const at::Tensor& expected) {
    return (recorded("tap:keep=" + keep).at(name) - expected).abs().max().item<double>();
  };
  EXPECT_LE(error("maps", map), 1e-6);
  EXPECT_LE(error("heads", map.mean(1)), 1e-6);
  EXPECT_LE(error("mean", map.mean(at::IntArrayRef{1, 2})), 1e-6);
}

TEST(TapTest, StaysWithinItsBudgetAndCountsWhatItDropped) {
  const auto edits = registry();
  Processor attend({edits.parse("tap:keep=maps,budget_mb=1")});
  const int64_t bytes = 2 * 3 * 2 * 5 * 5 * 4, fit = (1 << 20) / bytes;
  for (int64_t i = 0; i < fit + 3; ++i) attend.attend(make_call());
  EXPECT_EQ(attend.report()[0].facts.at("maps"), double(fit));
  EXPECT_EQ(attend.report()[0].facts.at("dropped"), 3);
}

TEST(TapTest, NamesFurtherCallsOfAStepApart) {
  const auto tensors = recorded("tap", 2);
  EXPECT_TRUE(tensors.count("mid_block.attn1/step3"));
  EXPECT_TRUE(tensors.count("mid_block.attn1/step3/call1"));
}

}  // namespace reel::attention::tap_test
