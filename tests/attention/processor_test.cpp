// The attention seam: which path runs, who sees what, and that unselected parts stay untouched.
#include "attention/processor.h"

#include <gmock/gmock.h>

#include "attention/fused_attention.h"
#include "attention/plugin/dry_run.h"

namespace reel::attention::processor_test {

using testing::ElementsAre;
using testing::HasSubstr;

const Site kSite{.path = "up_blocks.0.motion_modules.0.transformer_blocks.0.attn1",
                 .kind = SiteKind::kTemporal,
                 .heads = 3};
const Step kStep{.index = 1, .count = 10};
const std::vector<Row> kRows = {{.conditional = false}, {.conditional = true}};

/// A call of 2 rows, 4 sequences, 3 heads, n queries and m keys of width 5.
Call make_call(int64_t n = 6, int64_t m = 6, int64_t key_groups = 4) {
  at::manual_seed(1);
  Call call{.site = kSite, .step = kStep, .rows = kRows};
  call.q = at::randn({2, 4, 3, n, 5});
  call.k = at::randn({2, key_groups, 3, m, 5});
  call.v = at::randn({2, key_groups, 3, m, 5});
  return call;
}

/// The definition, in double.
at::Tensor plain(const Call& call) {
  at::Tensor logits =
      at::matmul(call.q.to(at::kDouble), call.k.to(at::kDouble).transpose(-1, -2)) / std::sqrt(5.0);
  if (call.bias.defined()) logits = logits + call.bias.to(at::kDouble);
  return at::matmul(at::softmax(logits, -1), call.v.to(at::kDouble)).to(at::kFloat);
}

double max_error(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

/// Fills maps with a value, and notes the shapes that it was shown.
class Paint : public Edit {
 public:
  Paint(Hooks hooks, double value, std::vector<std::vector<int64_t>>* shapes)
      : hooks_(hooks), value_(value), shapes_(shapes) {}
  Hooks hooks() const override { return hooks_; }
  void on_inputs(Call& call) override {
    note(call.q);
    call.q = call.q * value_;
  }
  void on_logits(const Call& call, at::Tensor& logits) override {
    EXPECT_EQ(call.rows.size(), size_t(logits.size(0)));
    note(logits);
    logits.mul_(value_);
  }
  void on_probs(const Call&, at::Tensor& probs) override {
    note(probs);
    probs.mul_(value_);
  }
  Partial attend(Call& call, const Attend& next) override {
    note(call.q);
    return {next(call).out * value_, {}};
  }

 private:
  void note(const at::Tensor& t) {
    if (shapes_) shapes_->push_back(t.sizes().vec());
  }
  Hooks hooks_;
  double value_;
  std::vector<std::vector<int64_t>>* shapes_;
};

EditPlan plan(const std::string& where, Hooks hooks, double value = 2,
              std::vector<std::vector<int64_t>>* shapes = nullptr) {
  return {{"paint@" + where, "paint", Selector::parse(where),
           [=] { return std::make_unique<Paint>(hooks, value, shapes); }}};
}

TEST(FusedAttentionTest, EqualsTheDefinitionForEveryFoldingOfRowsAndSequences) {
  for (const int64_t key_groups : {int64_t{4}, int64_t{1}}) {
    const Call call = make_call(6, 7, key_groups);
    EXPECT_LE(max_error(fused_attention(call).out, plain(call)), 1e-5) << key_groups << " key groups";
  }
  Call strided = make_call();
  strided.q = at::randn({2, 6, 4, 3, 5}).permute({0, 2, 3, 1, 4});  // as temporal layers pass it
  EXPECT_LE(max_error(fused_attention(strided).out, plain(strided)), 1e-5);
  Call biased = make_call();
  biased.bias = at::randn({2, 1, 3, 6, 6});
  EXPECT_LE(max_error(fused_attention(biased).out, plain(biased)), 1e-5);
  Call one_sequence = make_call(6, 6, 4);
  one_sequence.q = one_sequence.q.narrow(1, 0, 1), one_sequence.k = one_sequence.k.narrow(1, 0, 1),
  one_sequence.v = one_sequence.v.narrow(1, 0, 1);
  EXPECT_LE(max_error(fused_attention(one_sequence).out, plain(one_sequence)), 1e-5);
}

TEST(ProcessorTest, ExplicitPathEqualsTheDefinitionInBlocksOfAnySize) {
  for (const int64_t key_groups : {int64_t{4}, int64_t{1}}) {
    const Call call = make_call(6, 7, key_groups);
    for (const int64_t map_bytes : {int64_t{1}, int64_t{2000}, int64_t{1} << 20}) {
      Processor attend(plan("", {.logits = true}, 1.0), map_bytes);
      EXPECT_LE(max_error(attend.attend(call), plain(call)), 1e-5) << map_bytes << " bytes";
      EXPECT_EQ(attend.report()[0].path, "explicit");
    }
  }
}

TEST(ProcessorTest, UnselectedRowsAndHeadsStayUntouchedBitForBit) {
  const Call call = make_call();
  const at::Tensor before = fused_attention(call).out;
  for (const Hooks hooks : {Hooks{.logits = true}, Hooks{.probs = true}}) {
    Processor attend(plan("rows=cond heads=0+2", hooks));
    const at::Tensor after = attend.attend(call);
    EXPECT_TRUE(at::equal(after[0], before[0]));
    EXPECT_TRUE(at::equal(after[1].select(1, 1), before[1].select(1, 1)));
    EXPECT_FALSE(at::equal(after[1].select(1, 0), before[1].select(1, 0)));
    EXPECT_FALSE(at::equal(after[1].select(1, 2), before[1].select(1, 2)));
  }
}

TEST(ProcessorTest, EditsAreShownOnlyTheSelectedRowsAndHeads) {
  std::vector<std::vector<int64_t>> shapes;
  Processor attend(
      plan("rows=cond heads=1", {.inputs = true, .logits = true, .probs = true, .attend = true}, 2, &shapes));
  attend.attend(make_call());
  EXPECT_THAT(shapes[0], ElementsAre(1, 4, 1, 6, 5)) << "attend";
  for (size_t i = 1; i < shapes.size(); ++i) {
    EXPECT_EQ(shapes[i][0], 1);
    EXPECT_EQ(shapes[i][2], 1);
  }
}

TEST(ProcessorTest, EditsWithinAWrappedPartMeetOnlyTheHeadsTheyBothSelect) {
  const Call call = make_call();
  EditPlan both = plan("heads=0-1", {.attend = true}, 2);
  both.push_back(plan("heads=1-2", {.probs = true}, 3)[0]);
  const at::Tensor after = Processor(both).attend(call), before = plain(call);
  EXPECT_LE(max_error(after.select(2, 0), before.select(2, 0) * 2), 1e-5);
  EXPECT_LE(max_error(after.select(2, 1), before.select(2, 1) * 6), 1e-5);
  EXPECT_LE(max_error(after.select(2, 2), before.select(2, 2) * 3), 1e-5);
}

TEST(ProcessorTest, InputEditsOfSelectedHeadsLeaveAttentionFused) {
  const Call call = make_call();
  Processor attend(plan("heads=1", {.inputs = true}));
  const at::Tensor after = attend.attend(call), before = fused_attention(call).out;
  EXPECT_EQ(attend.report()[0].path, "fused");
  EXPECT_LE(max_error(after.select(2, 0), before.select(2, 0)), 1e-6);
  Call scaled = call;
  scaled.q = call.q * 2;
  EXPECT_LE(max_error(after.select(2, 1), plain(scaled).select(2, 1)), 1e-5);
}

TEST(ProcessorTest, OtherSitesAndStepsRunPlainAttention) {
  const Call call = make_call();
  for (const char* where : {"kind=spatial", "layer=down_blocks.*", "steps=5-9", "steps=0-10%"}) {
    Processor attend(plan(where, {.probs = true}));
    EXPECT_TRUE(at::equal(attend.attend(call), fused_attention(call).out)) << where;
    EXPECT_EQ(attend.report()[0].calls, 0);
  }
}

TEST(ProcessorTest, SeveralEditsComposeInOrder) {
  const Call call = make_call();
  EditPlan both = plan("", {.probs = true}, 2);
  both.push_back(plan("", {.probs = true}, 3)[0]);
  EXPECT_LE(max_error(Processor(both).attend(call), plain(call) * 6), 1e-5);
}

TEST(ProcessorTest, RefusesAWholeMapBeyondTheBudgetAndStatesTheBytes) {
  Processor attend(plan("", {.probs = true, .whole_map = true}), 100);
  try {
    attend.attend(make_call());
    FAIL() << "no error";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("whole map"));
    EXPECT_THAT(error.what(), HasSubstr(kSite.path));
  }
}

TEST(ProcessorTest, DryRunListsTheSitesThatMatch) {
  const std::vector<Site> sites = {kSite,
                                   {.path = "down_blocks.0.attn1", .kind = SiteKind::kSpatial, .heads = 8}};
  const auto report = dry_run(plan("kind=temporal", {.inputs = true}), sites);
  EXPECT_THAT(report[0].sites, ElementsAre(kSite.path));
  EXPECT_EQ(report[0].path, "fused");
  EXPECT_THROW(dry_run(plan("heads=5", {}), sites), std::invalid_argument)
      << "3 heads only at the first site";
}

}  // namespace reel::attention::processor_test
