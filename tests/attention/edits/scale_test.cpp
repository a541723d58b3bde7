#include <gtest/gtest.h>

#include "attention/fused_attention.h"
#include "attention/plugin/edit_registry.h"
#include "attention/processor.h"

namespace reel::attention::scale_test {

const Site kSite{.path = "a", .kind = SiteKind::kTemporal, .heads = 2};
const Step kStep;
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

TEST(ScaleTest, FactorOneChangesNoBit) {
  const auto edits = registry();
  Processor attend({edits.parse("scale:factor=1")});
  const Call call = make_call();
  EXPECT_TRUE(at::equal(attend.attend(call), fused_attention(call).out));
}

TEST(ScaleTest, MultipliesTheLogits) {
  const auto edits = registry();
  Processor attend({edits.parse("scale:factor=1.5@kind=temporal")});
  const Call call = make_call();
  const at::Tensor logits = at::matmul(call.q, call.k.transpose(-1, -2)) / 2.0;
  const at::Tensor expected = at::matmul(at::softmax(logits * 1.5, -1), call.v);
  EXPECT_LE((attend.attend(call) - expected).abs().max().item<double>(), 1e-5);
  EXPECT_EQ(attend.report()[0].path, "fused");
}

TEST(ScaleTest, FactorZeroGivesTheMean) {
  const auto edits = registry();
  Processor attend({edits.parse("scale:factor=0")});
  const Call call = make_call();
  const at::Tensor mean = call.v.mean(3, true).expand(call.v.sizes());
  EXPECT_LE((attend.attend(call) - mean).abs().max().item<double>(), 1e-5);
}

TEST(ScaleTest, RefusesFactorsOutOfRange) {
  const auto edits = registry();
  EXPECT_THROW(edits.parse("scale:factor=-1"), std::invalid_argument);
  EXPECT_THROW(edits.parse("scale:factor=nan"), std::invalid_argument);
  EXPECT_THROW(edits.parse("scale:fator=2"), std::invalid_argument);
  EXPECT_THROW(edits.parse("scal"), std::invalid_argument);
}

}  // namespace reel::attention::scale_test
