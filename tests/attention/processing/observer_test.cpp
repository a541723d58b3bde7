// Edits that only look move no bit of what they look at, and see what they would see within it.
#include "attention/processing/observer.h"

#include <gtest/gtest.h>

#include "attention/key_values.h"
#include "tests/attention/by_definition.h"
#include "tests/attention/edits/temporal_layer.h"

namespace reel::attention::observer_test {

/// The same edit as one that takes part in the computation, as edits that change something do.
class Within : public Edit {
 public:
  explicit Within(std::unique_ptr<Edit> edit) : edit_(std::move(edit)) {}
  Hooks hooks() const override {
    Hooks hooks = edit_->hooks();
    hooks.observes = false;
    return hooks;
  }
  void on_logits(const Call& call, at::Tensor& logits) override { edit_->on_logits(call, logits); }
  void on_probs(const Call& call, at::Tensor& probs) override { edit_->on_probs(call, probs); }
  Recording recording() const override { return edit_->recording(); }

 private:
  std::unique_ptr<Edit> edit_;
};

EditRule within(EditRule rule) {
  rule.make = [make = rule.make] { return std::make_unique<Within>(make()); };
  return rule;
}

bool observes(const EditRule& rule) { return rule.make()->hooks().observes; }

EditPlan plan_of(const std::vector<std::string>& edits) {
  EditPlan plan;
  for (const std::string& edit : edits) plan.push_back(all_edits().parse(edit));
  return plan;
}

EditPlan without_observers(const EditPlan& plan) {
  EditPlan rest;
  for (const EditRule& rule : plan) {
    if (!observes(rule)) rest.push_back(rule);
  }
  return rest;
}

/// Every observer of this build, with all choices of its options: each value of those that have a few.
std::vector<std::string> observers() {
  std::vector<std::string> all;
  for (const EditEntry& entry : all_edits()) {
    if (!all_edits().parse(entry.spec.name).make()->hooks().observes) continue;
    all.push_back(entry.spec.name);
    for (const Param& param : entry.spec.params) {
      for (const std::string& choice : param.choices)
        all.push_back(entry.spec.name + ":" + param.name + "=" + choice);
    }
  }
  return all;
}

const std::vector<Row> kFour = {{.conditional = false}, {.conditional = false}, {}, {}};
constexpr int kSteps = 5;

std::vector<TemporalLayer> layers(at::ScalarType dtype) {
  std::vector<TemporalLayer> all = {TemporalLayer(0, 2, 2, 3, 4, 16, 40, kFour),
                                    TemporalLayer(1, 1, 4, 6, 4, 16, 40, kFour),
                                    TemporalLayer(2, 0, 7, 5, 4, 16, 40, kFour)};
  for (TemporalLayer& layer : all)
    for (at::Tensor* t : {&layer.q, &layer.k, &layer.v}) *t = t->to(dtype);
  return all;
}

/// Steps through the layers; the outputs one after the other.
std::vector<at::Tensor> run(Processor& processor, const std::vector<TemporalLayer>& layers) {
  std::vector<at::Tensor> outputs;
  for (int index = 0; index < kSteps; ++index) {
    const Step step{.index = index, .count = kSteps};
    processor.begin_step(step);
    for (const TemporalLayer& layer : layers) outputs.push_back(processor.attend(layer.call(step)));
  }
  processor.finish();
  return outputs;
}

void expect_same(const std::map<std::string, at::Tensor>& found,
                 const std::map<std::string, at::Tensor>& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(found.count(name)) << what << name;
    EXPECT_TRUE(at::equal(found.at(name), tensor)) << what << name;
  }
}

class ObserverLaw : public testing::TestWithParam<std::tuple<at::ScalarType, std::string>> {
 protected:
  void expect_law(const std::vector<std::string>& edits) {
    const std::vector<TemporalLayer> of_model = layers(std::get<0>(GetParam()));
    const EditPlan plan = plan_of(edits);
    std::string text;
    for (const std::string& edit : edits) text += edit + " ";
    Processor with(plan), without(without_observers(plan));
    const std::vector<at::Tensor> outputs = run(with, of_model), expected = run(without, of_model);
    for (size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_TRUE(at::equal(outputs[i], expected[i])) << text << "call " << i;
      EXPECT_EQ(outputs[i].strides(), expected[i].strides()) << text << "call " << i;
    }
    expect_reports(plan, with, without);
    expect_maps(plan, with, of_model, text);
  }

  /// Reports stand in the order of the plan; those of the other edits are what they are without observers.
  static void expect_reports(const EditPlan& plan, const Processor& with, const Processor& without) {
    const std::vector<EditReport> reports = with.report(), expected = without.report();
    ASSERT_EQ(reports.size(), plan.size());
    size_t other = 0;
    for (size_t i = 0; i < plan.size(); ++i) {
      EXPECT_EQ(reports[i].edit, plan[i].text);
      if (observes(plan[i])) {
        EXPECT_GT(reports[i].calls, 0) << plan[i].text;
        EXPECT_EQ(reports[i].path, "explicit") << plan[i].text;
        EXPECT_FALSE(reports[i].sites.empty()) << plan[i].text;
        continue;
      }
      EXPECT_EQ(reports[i].calls, expected[other].calls) << plan[i].text;
      EXPECT_EQ(reports[i].path, expected[other].path) << plan[i].text;
      EXPECT_EQ(reports[i].sites, expected[other].sites) << plan[i].text;
      EXPECT_EQ(reports[i].facts, expected[other].facts) << plan[i].text;
      ++other;
    }
  }

  /// What each observer recorded is what it records within a plan of the edits before it.
  static void expect_maps(const EditPlan& plan, const Processor& with,
                          const std::vector<TemporalLayer>& of_model, const std::string& text) {
    const std::vector<Recording> recordings = with.recordings();
    size_t observer = 0;
    EditPlan before;
    for (const EditRule& rule : plan) {
      if (!observes(rule)) {
        before.push_back(rule);
        continue;
      }
      EditPlan inside = before;
      inside.push_back(within(rule));
      Processor reference(inside);
      run(reference, of_model);
      ASSERT_LT(observer, recordings.size()) << text;
      expect_same(recordings[observer++].tensors, reference.recordings().at(0).tensors, text);
    }
    EXPECT_EQ(observer, recordings.size()) << text;
  }
};

TEST_P(ObserverLaw, MovesNoBitOfAnUneditedRun) {
  for (const char* where : {"", "@rows=cond", "@rows=uncond heads=1", "@heads=0+2-3", "@heads=1-2 steps=1-2",
                            "@layer=up_blocks.1.*"})
    expect_law({std::get<1>(GetParam()) + where});
}

TEST_P(ObserverLaw, MovesNoBitOfEditsBeforeAndBehindIt) {
  const std::string& look = std::get<1>(GetParam());
  const std::vector<std::vector<std::string>> others = {
      {"vstar"}, {"broadway:steps=0-100%"}, {"scale:factor=1.5"}, {"broadway", "vstar:preset=64D1_32D8"}};
  for (const std::vector<std::string>& edits : others) {
    for (const char* where : {"", "@rows=cond heads=1-2"}) {
      for (size_t place = 0; place <= edits.size(); ++place) {
        std::vector<std::string> plan = edits;
        plan.insert(plan.begin() + long(place), look + where);
        expect_law(plan);
      }
    }
  }
  expect_law({look, "vstar@rows=cond", look + "@heads=1", "scale:factor=0.5@heads=2-3", look + "@steps=3"});
}

INSTANTIATE_TEST_SUITE_P(Edits, ObserverLaw,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                                          testing::ValuesIn(observers())));

TEST(ObserverTest, SeesOnlyWhatTheEditsBeforeItDo) {
  const std::vector<TemporalLayer> of_model = layers(at::kFloat);
  const auto maps = [&](const std::vector<std::string>& edits) {
    Processor processor(plan_of(edits));
    run(processor, of_model);
    return processor.recordings().at(0).tensors.begin()->second;
  };
  const at::Tensor plain = maps({"tap"}), sharp = maps({"scale:factor=2", "tap"});
  EXPECT_FALSE(at::equal(plain, sharp));
  EXPECT_TRUE(at::equal(maps({"tap", "scale:factor=2"}), plain));
}

/// Two passes through a cache: a prompt of ragged rows, then one more token.
struct CachedRun {
  std::vector<at::Tensor> outputs;
  KeyValues cache;
  std::vector<Recording> recordings;

  CachedRun(const EditPlan& plan, at::ScalarType dtype) {
    std::vector<Sequence> sequences(3);
    std::vector<Row> rows;
    for (size_t i = 0; i < sequences.size(); ++i)
      sequences[i].id = 10 + i, rows.push_back({.sequence = &sequences[i]});
    Processor processor(plan);
    for (const Sequence& sequence : sequences) processor.begin(sequence);
    const auto pass = [&](std::span<const Row> of, int64_t tokens, uint64_t seed) {
      const Sizes sizes{
          .rows = int64_t(of.size()), .heads = 4, .queries = tokens, .keys = tokens, .key_heads = 2};
      Call call = random_call(sizes, 1, seed, dtype);
      call.rows = of, call.cache = &cache, call.visible.causal = true;
      outputs.push_back(processor.attend(call));
    };
    pass(std::span(rows).subspan(1, 2), 4, 1);
    pass(rows, 7, 2);
    pass(rows, 1, 3);
    recordings = processor.recordings();
    for (const Row& row : rows) {
      const KeyValues::View view = cache.view({&row, 1});
      outputs.push_back(view.k), outputs.push_back(view.v);
    }
  }
};

TEST(ObserverTest, LooksAtCachedCallsAndLeavesTheCacheAlone) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const char* where : {"", "@heads=0-1", "@heads=2"}) {
      const std::string look = "tap:keep=maps" + std::string(where);
      for (const std::vector<std::string>& edits :
           {std::vector<std::string>{look}, {"scale:factor=1.5", look}, {look, "scale:factor=1.5"}}) {
        const EditPlan plan = plan_of(edits);
        CachedRun with(plan, dtype), without(without_observers(plan), dtype);
        ASSERT_EQ(with.outputs.size(), without.outputs.size());
        for (size_t i = 0; i < with.outputs.size(); ++i)
          EXPECT_TRUE(at::equal(with.outputs[i], without.outputs[i])) << edits[0] << " " << i;
        EditPlan inside;
        for (const EditRule& rule : plan) {
          inside.push_back(observes(rule) ? within(rule) : rule);
          if (observes(rule)) break;
        }
        expect_same(with.recordings.at(0).tensors, CachedRun(inside, dtype).recordings.at(0).tensors,
                    edits[0]);
      }
    }
  }
}

TEST(ObserverTest, IsToldOfTheLifeOfARunOnce) {
  struct Told {
    int steps = 0, begun = 0, forked = 0, ended = 0, finished = 0;
  };
  class Listens : public Edit {
   public:
    Listens(Hooks hooks, Told* told) : hooks_(hooks), told_(told) {}
    Hooks hooks() const override { return hooks_; }
    void begin_step(const Step&) override { ++told_->steps; }
    void begin(const Sequence&) override { ++told_->begun; }
    void fork(const Sequence&, const Sequence&) override { ++told_->forked; }
    void end(const Sequence&) override { ++told_->ended; }
    void finish() override { ++told_->finished; }

   private:
    Hooks hooks_;
    Told* told_;
  };
  Told observer, before;
  Processor processor({{"before", "before", {}, [&] { return std::make_unique<Listens>(Hooks{}, &before); }},
                       {"observer", "observer", {}, [&] {
                          return std::make_unique<Listens>(Hooks{.probs = true, .observes = true}, &observer);
                        }}});
  const Step step;
  const Sequence a{.id = 1}, b{.id = 2};
  processor.begin_step(step), processor.begin(a), processor.fork(a, b), processor.end(a), processor.finish();
  for (const auto& [told, times] : {std::pair{observer, 1}, {before, 2}}) {  // one beside the observer, too
    EXPECT_EQ(told.steps, times);
    EXPECT_EQ(told.begun, times);
    EXPECT_EQ(told.forked, times);
    EXPECT_EQ(told.ended, times);
    EXPECT_EQ(told.finished, times);
  }
}

TEST(ObserverTest, ACaptureIsPossibleIfEachEditAllowsIt) {
  const auto capturable = [](Hooks hooks) {
    class Plain : public Edit {
     public:
      explicit Plain(Hooks hooks) : hooks_(hooks) {}
      Hooks hooks() const override { return hooks_; }

     private:
      Hooks hooks_;
    };
    return Processor({{"plain", "plain", {}, [=] { return std::make_unique<Plain>(hooks); }}}).capturable();
  };
  EXPECT_TRUE(capturable({.probs = true, .capturable = true, .observes = true}));
  EXPECT_FALSE(capturable({.probs = true, .observes = true}));
}

}  // namespace reel::attention::observer_test
