// A part is like the whole: an edit of some rows or heads does to them what it does to all of a call, and
// nothing to others.
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gmock/gmock.h>

#include "attention/fused_attention.h"
#include "attention/key_values.h"
#include "attention/processor.h"
#include "tests/attention/by_definition.h"

namespace reel::attention::processor_parts_test {

using Change = std::function<void(Call&)>;

class Changing : public Edit {
 public:
  Changing(Change change, Hooks hooks) : change_(std::move(change)), hooks_(hooks) {}
  Hooks hooks() const override { return hooks_; }
  void on_inputs(Call& call) override { change_(call); }

 private:
  Change change_;
  Hooks hooks_;
};

EditRule rule(const std::string& where, Change change, Hooks hooks = {.inputs = true}) {
  return {"change@" + where, "change", Selector::parse(where),
          [=] { return std::make_unique<Changing>(change, hooks); }};
}

const std::vector<Sequence> kSequences = {{.id = 5}, {.id = 9}, {.id = 2}, {.id = 4}};
// Conditional rows lie at uneven distances.
const std::vector<Row> kRows = {{.conditional = true, .sequence = &kSequences[0]},
                                {.conditional = true, .sequence = &kSequences[1]},
                                {.conditional = false, .sequence = &kSequences[2]},
                                {.conditional = true, .sequence = &kSequences[3]}};
const Rotary kRotary = Rotary::plain(8);
constexpr int64_t kTokens = 6;

/// A value for each of `count` places, the same for every part of a call.
at::Tensor noise(int64_t count, int64_t other = 1) {
  const at::Tensor n = at::arange(count * other, at::kFloat);
  return at::sin(n * n + n).view({1, 1, 1, count, other});
}

struct Named {
  std::string name;
  Change change;
  bool keys = false;     // changes what is cached
  bool together = true;  // can be done to a part of what another edit keeps together
};

std::vector<Named> changes() {
  const auto order = [](Call& call) {
    call.visible.query_order = at::arange(call.q.size(3), at::kInt).view({1, 1, 1, -1});
    call.visible.key_order = (at::arange(call.k.size(3), at::kInt) * 7 % 5).view({1, 1, 1, -1});
  };
  return {
      {"positions", [](Call& call) { call.positions = call.positions * 1.5 + 1; }, true},
      {"key positions", [](Call& call) { call.key_positions = call.positions * 2; }, true, false},
      {"scale", [](Call& call) { call.scale = 0.7; }},
      {"scale times", [](Call& call) { call.scale *= 1.7; }},
      {"bias", [](Call& call) { call.bias = noise(call.q.size(3), call.k.size(3)); }},
      {"bias of keys",
       [](Call& call) { call.bias = noise(call.k.size(3)).transpose(3, 4).squeeze(0).squeeze(0); }},
      {"key_bias", [](Call& call) { call.visible.key_bias = noise(call.k.size(3)).squeeze(4); }},
      {"order", order},
      {"lengths",
       [](Call& call) {
         call.visible.key_lengths = at::full({1, 1}, 3, at::kLong);
       },
       false, false},
      {"not causal", [](Call& call) { call.visible.causal = false; }, false, false},
      {"own key", [](Call& call) { call.visible.own_key = at::full({call.q.size(0)}, 2, at::kLong); }, false,
       false},
      {"no bias", [](Call& call) { call.bias.reset(); }},
      {"q", [](Call& call) { call.q = call.q * 1.5; }},
      {"k", [](Call& call) { call.k = call.k * 0.5; }, true},
      {"v", [](Call& call) { call.v = call.v + 1; }, true},
      {"k and v", [](Call& call) { std::swap(call.k, call.v); }, true},
      {"all", [=](Call& call) { order(call), call.q = call.q * 2, call.k = call.k - 1, call.scale = 0.2; },
       true},
  };
}

Call base_call(int64_t groups, int64_t key_heads, bool with_bias, bool causal = true) {
  Call call = random_call(
      {.rows = 4, .groups = groups, .heads = 4, .queries = kTokens, .keys = kTokens, .key_heads = key_heads});
  call.rows = kRows, call.rotary = &kRotary;
  call.positions = at::arange(kTokens, at::kFloat).view({1, 1, 1, kTokens, 1});
  call.visible.causal = causal;
  if (with_bias) call.bias = at::randn({4, 1, 4, kTokens, kTokens});
  return call;
}

const char* const kWhere[] = {"rows=cond",
                              "rows=uncond",
                              "heads=0+2",
                              "heads=2-3",
                              "heads=1-2",
                              "heads=0+1+3",
                              "rows=cond heads=1",
                              "rows=uncond heads=0-1",
                              "rows=cond heads=0+2+3"};

/// Compares the selected rows and heads with one result, and all others with another.
void expect_parts(const at::Tensor& result, const std::string& where, const at::Tensor& selected,
                  const at::Tensor& others, const std::string& name, double for_selected = 1e-6,
                  double for_others = 0) {
  const Selector selector = Selector::parse(where);
  std::vector<int64_t> heads = selector.heads_of(site_of(4));
  if (heads.empty()) heads = {0, 1, 2, 3};
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t h = 0; h < 4; ++h) {
      const bool chosen = selector.matches(kRows[size_t(r)]) && std::count(heads.begin(), heads.end(), h);
      const auto cell = [&](const at::Tensor& t) { return t[r].select(1, h); };
      EXPECT_LE(difference(cell(result), cell(chosen ? selected : others)),
                chosen ? for_selected : for_others)
          << name << " @ " << where << ", row " << r << ", head " << h << (chosen ? ", selected" : "");
    }
}

TEST(PartTest, OfACallIsLikeTheWholeAndOthersKeepTheirBits) {
  struct Kind {
    int64_t groups, key_heads;
    bool with_bias, causal = true;
  };
  for (const auto& [groups, key_heads, with_bias, causal] :
       {Kind{1, 2, false}, Kind{2, 4, true}, Kind{2, 1, false}, Kind{1, 4, false}, Kind{2, 2, true},
        Kind{1, 2, false, false}, Kind{2, 2, false, false}, Kind{1, 1, false, false}}) {
    const Call call = base_call(groups, key_heads, with_bias, causal);
    const at::Tensor none = Processor().attend(call);
    for (const Named& each : changes()) {
      const at::Tensor whole = Processor({rule("", each.change)}).attend(call);
      const bool of_causal = each.name == "not causal" || each.name == "own key";
      if ((each.name != "no bias" || with_bias) && (!of_causal || causal)) {
        EXPECT_GT(difference(whole, none), 1e-3) << each.name << " changes something";
      }
      for (const char* where : kWhere) {
        const at::Tensor part = Processor({rule(where, each.change)}).attend(call);
        expect_parts(part, where, whole, none, each.name);
      }
    }
  }
}

TEST(PartTest, OfWhatAnotherEditKeepsTogetherIsLikeTheWhole) {
  const EditRule together =
      rule("", [](Call&) {}, {.inputs = true, .relates_rows = true, .relates_heads = true});
  for (const int64_t key_heads : {4, 2, 1})
    for (const bool with_bias : {false, true}) {
      const Call call = base_call(2, key_heads, with_bias);
      const at::Tensor none = Processor().attend(call);
      for (const Named& each : changes()) {
        const at::Tensor whole = Processor({rule("", each.change)}).attend(call);
        for (const char* where : kWhere) {
          Processor processor({rule(where, each.change), together});
          if (!each.together) {
            EXPECT_THROW(processor.attend(call), std::invalid_argument) << each.name << " @ " << where;
            continue;
          }
          expect_parts(processor.attend(call), where, whole, none, each.name, 5e-6, 5e-6);
        }
      }
    }
}

TEST(PartTest, OfACallWithACacheIsLikeTheWholeForWholeGroupsOfHeads) {
  for (const int64_t key_heads : {4, 2}) {
    const Call first = base_call(1, key_heads, false);
    Call second = random_call({.rows = 4, .heads = 4, .queries = 1, .keys = 1, .key_heads = key_heads}, 1, 3);
    second.rows = kRows, second.rotary = &kRotary, second.visible.causal = true;
    second.positions = at::full({1, 1, 1, 1, 1}, kTokens, at::kFloat);
    const auto run = [&](const EditPlan& plan, bool changes_mask) {
      KeyValues cache;
      Processor processor(plan);
      Call one = first, two = second;
      one.cache = &cache, two.cache = &cache;
      std::vector<at::Tensor> results = {processor.attend(one)};
      if (!changes_mask) results.push_back(processor.attend(two));
      return results;
    };
    for (const Named& each : changes()) {
      const bool mask = !each.keys && each.name != "q" && !each.name.starts_with("scale");
      const bool orders = each.name == "all";  // of as many keys as the call has, not the cache
      const auto none = run({}, mask || orders), whole = run({rule("", each.change)}, mask || orders);
      for (const char* where : kWhere) {
        const std::vector<int64_t> heads = Selector::parse(where).heads_of(first.site);
        if (each.keys && !whole_groups(heads, 4 / key_heads)) {
          try {
            run({rule(where, each.change)}, mask || orders);
            ADD_FAILURE() << each.name << " @ " << where << " of keys that others read is not refused";
          } catch (const std::invalid_argument& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("heads="));
          }
          continue;
        }
        const auto part = run({rule(where, each.change)}, mask || orders);
        for (size_t i = 0; i < part.size(); ++i)
          expect_parts(part[i], where, whole[i], none[i], each.name + " in call " + std::to_string(i));
      }
    }
  }
}

TEST(PartTest, KeepsTheOwnLengthsAndOwnKeysOfACallWithACache) {
  Call call = base_call(1, 4, false);
  call.visible.key_lengths = at::tensor({4, 6, 5, 6}).view({4, 1});
  for (const bool own : {false, true}) {
    if (own) call.visible.own_key = at::tensor({1, 0, 2, 0});
    const auto run = [&](const EditPlan& plan) {
      KeyValues cache;
      Call one = call;
      one.cache = &cache;
      return Processor(plan).attend(one);
    };
    const at::Tensor none = run({}), whole = run({rule("", [](Call&c) { c.q = c.q * 2; })});
    for (const char* where : kWhere)
      expect_parts(run({rule(where, [](Call& c) { c.q = c.q * 2; })}), where, whole, none, "lengths");
  }
}

/// Notes the largest allocation of this thread.
class Largest : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    largest = std::max(largest, bytes);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t largest = 0;
};

TEST(PartTest, OfALargeCallFormsNoTensorOfQueriesByKeys) {
  const int64_t n = 4096;
  Call call = random_call({.rows = 1, .heads = 2, .queries = n, .keys = n, .width = 8});
  call.rotary = &kRotary;
  call.positions = at::arange(n, at::kFloat).view({1, 1, 1, n, 1});
  for (const Named& each : changes()) {
    const std::set<std::string> small = {"positions", "key_bias", "order", "q", "k and v", "scale"};
    if (!small.count(each.name)) continue;
    const auto info = std::make_shared<Largest>();
    {
      const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, info);
      Processor({rule("heads=1", each.change)}).attend(call);
    }
    EXPECT_GT(info->largest, 4 * 8 * n) << "the observer sees nothing";
    EXPECT_LE(info->largest, int64_t{16} << 20) << each.name;
  }
}

}  // namespace reel::attention::processor_parts_test
