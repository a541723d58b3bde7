// The contract of hooks: an edit sees what it selects, each part of it once.
#include "attention/edit.h"

#include <gmock/gmock.h>

#include <random>

#include "attention/key_values.h"
#include "attention/processor.h"
#include "tests/attention/by_definition.h"

namespace reel::attention::edit_test {

constexpr int64_t kGroups = 2, kQueries = 5;

/// What an edit was shown: how often each row, head, sequence and query (of hooks that see whole calls: -1).
struct Shown {
  using Cell = std::array<int64_t, 4>;
  std::map<std::string, std::map<Cell, int>> times;
  std::map<std::string, std::vector<std::pair<std::set<int64_t>, std::set<int64_t>>>> calls;  // rows, heads
};

/// Counts, and changes nothing. Rows are told apart by their sequences, and keys by what v's first two channels
/// hold: 100 row + key head, and the number of the sequence within the row.
class Counting : public Edit {
 public:
  Counting(Hooks hooks, Shown* shown) : hooks_(hooks), shown_(shown) {}
  Hooks hooks() const override { return hooks_; }
  void on_inputs(Call& call) override { note("inputs", call, false, call.q); }
  void on_logits(const Call& call, at::Tensor& map) override { note("logits", call, true, map); }
  void on_probs(const Call& call, at::Tensor& map) override { note("probs", call, true, map); }
  Partial attend(Call& call, const Attend& next) override {
    note("attend", call, false, call.q);
    return next(call);
  }

 private:
  void note(const std::string& hook, const Call& call, bool map, const at::Tensor& shape) {
    ASSERT_EQ(shape.size(0), int64_t(call.rows.size()));
    ASSERT_EQ(shape.sizes().slice(0, 3), call.q.sizes().slice(0, 3));
    ASSERT_EQ(shape.size(3), call.q.size(3));
    if (!call.heads.empty()) {
      ASSERT_EQ(shape.size(2), int64_t(call.heads.size()));
    }
    const Values tag(call.v);
    const int64_t shared = call.q.size(2) / call.v.size(2), of_site = call.site.heads / call.site.key_heads();
    std::pair<std::set<int64_t>, std::set<int64_t>> cells;
    for (int64_t r = 0; r < shape.size(0); ++r)
      for (int64_t h = 0; h < shape.size(2); ++h) {
        const auto row = int64_t(call.rows[size_t(r)].sequence->id);
        const int64_t head = call.heads.empty() ? h : call.heads[size_t(h)];
        cells.first.insert(row), cells.second.insert(head);
        for (int64_t g = 0; g < shape.size(1); ++g) {
          ASSERT_EQ(tag({r, g, h / shared, 0, 0}), double(100 * row + head / of_site)) << hook;
          const auto sequence = int64_t(tag({r, g, h / shared, 0, 1}));
          for (int64_t i = 0; i < (map ? shape.size(3) : 1); ++i)
            ++shown_->times[hook][{row, head, sequence, map ? call.query_begin + i : -1}];
        }
      }
    shown_->calls[hook].push_back(cells);
  }
  Hooks hooks_;
  Shown* shown_;
};

struct Rows {
  std::vector<Sequence> sequences;
  std::vector<Row> rows;
  explicit Rows(const std::vector<bool>& conditional) {
    for (size_t r = 0; r < conditional.size(); ++r) sequences.push_back({.id = r});
    for (size_t r = 0; r < conditional.size(); ++r)
      rows.push_back({.conditional = conditional[r], .sequence = &sequences[r]});
  }
};

Call tagged_call(const Rows& rows, int64_t key_heads, int64_t groups, int64_t queries = kQueries) {
  Call call = random_call({.rows = int64_t(rows.rows.size()),
                           .groups = groups,
                           .heads = 4,
                           .queries = queries,
                           .keys = queries,
                           .key_heads = key_heads});
  call.rows = rows.rows;
  for (int64_t r = 0; r < call.v.size(0); ++r)
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t h = 0; h < key_heads; ++h)
        call.v[r][g][h].select(1, 0).fill_(100 * r + h), call.v[r][g][h].select(1, 1).fill_(g);
  return call;
}

/// A plan of counting edits and what each was shown.
struct Plan {
  std::vector<Hooks> hooks;
  std::vector<std::string> where;
  std::vector<std::deque<Shown>> shown;  // of each edit, by instance
  EditPlan plan() {
    shown.assign(hooks.size(), {});
    EditPlan plan;
    for (size_t i = 0; i < hooks.size(); ++i) {
      plan.push_back({"count@" + where[i], "count", Selector::parse(where[i]), [h = hooks[i], s = &shown[i]] {
                        return std::make_unique<Counting>(h, &s->emplace_back());
                      }});
    }
    return plan;
  }
  std::string text() const {
    std::string text;
    for (size_t i = 0; i < hooks.size(); ++i) {
      const Hooks& h = hooks[i];
      text += "[" + where[i] + (h.inputs ? " inputs" : "") + (h.logits ? " logits" : "") +
              (h.probs ? " probs" : "") + (h.attend ? " attend" : "") +
              (h.relates_rows ? " relates rows" : "") + (h.relates_heads ? " relates heads" : "") +
              (h.observes ? " observes" : "") + "] ";
    }
    return text;
  }
};

const char* const kWhere[] = {"",          "rows=cond", "rows=uncond",           "heads=0+2",
                              "heads=1-2", "heads=0-1", "rows=cond heads=3+0+1", "rows=uncond heads=2-3"};

Plan random_plan(std::mt19937& random, bool relating, bool wrapping = true) {
  Plan plan;
  const auto coin = [&] { return random() % 2 == 0; };
  for (size_t i = 0, count = 1 + random() % 3; i < count; ++i) {
    Hooks hooks{.inputs = coin(), .logits = coin(), .probs = coin(), .attend = wrapping && coin()};
    if (relating) hooks.relates_rows = coin(), hooks.relates_heads = coin();
    plan.hooks.push_back(hooks), plan.where.push_back(kWhere[random() % std::size(kWhere)]);
  }
  return plan;
}

/// How many instances of an edit take part in a run: one, and one beside it for each observer behind it.
size_t instances(const Plan& plan, size_t edit) {
  if (plan.hooks[edit].observes) return 1;
  return 1 + size_t(std::count_if(plan.hooks.begin() + long(edit), plan.hooks.end(),
                                  [](const Hooks& hooks) { return hooks.observes; }));
}

void expect_each_once(const Plan& plan, const Call& call, int times = 1) {
  for (size_t e = 0; e < plan.hooks.size(); ++e) {
    const Selector where = Selector::parse(plan.where[e]);
    std::vector<int64_t> heads = where.heads_of(call.site);
    if (heads.empty()) heads = {0, 1, 2, 3};
    for (const auto& [hook, has] : std::map<std::string, bool>{{"inputs", plan.hooks[e].inputs},
                                                               {"logits", plan.hooks[e].logits},
                                                               {"probs", plan.hooks[e].probs},
                                                               {"attend", plan.hooks[e].attend}}) {
      std::map<Shown::Cell, int> expected;
      for (const Row& row : call.rows)
        for (const int64_t head : heads)
          for (int64_t g = 0; g < call.q.size(1); ++g)
            for (int64_t i = 0; i < call.q.size(3); ++i) {
              const bool map = hook == "logits" || hook == "probs";
              if (has && where.matches(row))
                expected[{int64_t(row.sequence->id), head, g, map ? i : -1}] = times;
            }
      size_t shown = 0;
      for (const Shown& instance : plan.shown[e]) {
        const auto found = instance.times.find(hook);
        if (found == instance.times.end()) continue;  // not of a run, but made to ask for its hooks
        ++shown;
        EXPECT_EQ(found->second, expected) << "edit " << e << " of " << plan.text() << hook;
      }
      EXPECT_EQ(shown, expected.empty() ? 0 : instances(plan, e))
          << "edit " << e << " of " << plan.text() << hook;
    }
  }
}

TEST(HooksTest, SeeEachSelectedRowHeadAndQueryOnceForAnyPlanAndBudget) {
  std::mt19937 random(7);
  for (const bool relating : {false, true}) {
    for (int repeat = 0; repeat < 60; ++repeat) {
      const Rows rows(repeat % 3 ? std::vector<bool>{true, false, true} : std::vector<bool>{false, true});
      const Call call = tagged_call(rows, repeat % 2 ? 4 : 2, kGroups);
      Plan plan = random_plan(random, relating);
      const int64_t budget = std::array<int64_t, 4>{1, 150, 900, 1 << 20}[size_t(repeat) % 4];
      try {
        Processor processor(plan.plan(), budget);
        const at::Tensor out = processor.attend(call);
        EXPECT_LE(difference(out, by_definition(call).out), 1e-4) << plan.text();
      } catch (const std::invalid_argument&) {
        EXPECT_TRUE(relating) << "only edits that relate rows or heads can be in each other's way: "
                              << plan.text();
        continue;
      }
      expect_each_once(plan, call);
    }
  }
}

TEST(HooksTest, OfAnEditThatRelatesRowsOrHeadsSeeAllThatItSelectsInOneCall) {
  std::mt19937 random(8);
  int refused = 0;
  for (int repeat = 0; repeat < 120; ++repeat) {
    const Rows rows({true, false, true});
    const Call call = tagged_call(rows, 2, kGroups);
    Plan plan = random_plan(random, true);
    try {
      Processor(plan.plan(), 150).attend(call);
    } catch (const std::invalid_argument&) {
      ++refused;
      continue;
    }
    for (size_t e = 0; e < plan.hooks.size(); ++e) {
      const Selector where = Selector::parse(plan.where[e]);
      std::set<int64_t> heads, of_rows;
      for (const int64_t head : where.heads_of(call.site)) heads.insert(head);
      if (heads.empty()) heads = {0, 1, 2, 3};
      for (const Row& row : call.rows) {
        if (where.matches(row)) of_rows.insert(int64_t(row.sequence->id));
      }
      for (const auto& [hook, calls] : plan.shown[e].front().calls)
        for (const auto& [seen_rows, seen_heads] : calls) {
          if (plan.hooks[e].relates_rows) {
            EXPECT_EQ(seen_rows, of_rows) << hook << " of edit " << e << " of " << plan.text();
          }
          if (plan.hooks[e].relates_heads) {
            EXPECT_EQ(seen_heads, heads) << hook << " of edit " << e << " of " << plan.text();
          }
        }
    }
  }
  EXPECT_LT(refused, 60);
}

TEST(HooksTest, SeeEachRowAndHeadOnceWithACacheWhichTakesEachKeyOnce) {
  std::mt19937 random(9);
  for (int repeat = 0; repeat < 40; ++repeat) {
    const Rows rows({true, false, true});
    Plan plan = random_plan(random, repeat % 4 == 0, repeat % 4 != 0);
    Processor processor(plan.plan(), repeat % 2 ? 1 : 1 << 20);
    KeyValues cache;
    Call call = tagged_call(rows, 2, 1);
    const at::Tensor k = call.k, v = call.v;
    call.cache = &cache, call.visible.causal = true;
    for (int time = 1; time <= 2; ++time) {
      processor.attend(call);
      for (const Sequence& sequence : rows.sequences)
        ASSERT_EQ(cache.length(sequence.id), time * kQueries) << plan.text();
      expect_each_once(plan, call, time);
    }
    const KeyValues::View view = cache.view(rows.rows);
    EXPECT_TRUE(at::equal(view.k, at::cat({k, k}, 3)) && at::equal(view.v, at::cat({v, v}, 3)))
        << plan.text();
  }
}

TEST(HooksTest, OfObserversAndOfTheEditsBeforeThemRunOnceInEachInstance) {
  std::mt19937 random(10);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const Rows rows({true, false, true});
    Plan plan = random_plan(random, false);
    plan.hooks[random() % plan.hooks.size()].observes = true;
    if (repeat % 3 == 0) plan.hooks.push_back({.probs = true, .observes = true}), plan.where.push_back("");
    const bool cached = repeat % 2;
    KeyValues cache;
    Call call = tagged_call(rows, 2, cached ? 1 : kGroups);
    if (cached) call.cache = &cache, call.visible.causal = true;
    Processor processor(plan.plan(), repeat % 4 < 2 ? 150 : 1 << 20);
    for (int time = 1; time <= 2; ++time) {
      processor.attend(call);
      expect_each_once(plan, call, time);
      EXPECT_EQ(cache.length(rows.sequences[0].id), cached ? time * kQueries : 0);
    }
  }
}

TEST(HooksTest, OfAWholeMapSeeTheWholeMapAtOnce) {
  const Rows rows({true, false, true});
  const Call call = tagged_call(rows, 2, kGroups);
  Plan plan{{Hooks{.logits = true, .probs = true, .whole_map = true}}, {""}, {}};
  Processor(plan.plan()).attend(call);
  EXPECT_EQ(plan.shown[0].front().calls["logits"].size(), 1u);
  EXPECT_EQ(plan.shown[0].front().calls["probs"].size(), 1u);
  expect_each_once(plan, call);
}

}  // namespace reel::attention::edit_test
