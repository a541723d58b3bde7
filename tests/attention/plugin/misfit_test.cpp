#include "attention/plugin/misfit.h"

#include <gmock/gmock.h>

namespace reel::attention::misfit_test {

using testing::HasSubstr;

class Needing : public Edit {
 public:
  explicit Needing(Needs needs) : needs_(needs) {}
  Hooks hooks() const override { return {.inputs = true}; }
  Needs needs() const override { return needs_; }

 private:
  Needs needs_;
};

EditRule rule(Needs needs) {
  return {"needing:x=1", "needing", {}, [needs] { return std::make_unique<Needing>(needs); }};
}

TEST(MisfitTest, AnEditThatNeedsWhatTheModelLacksIsRefusedByName) {
  const Needs video{.hidden = true};
  EXPECT_NO_THROW(refuse_unserved(rule({}), video, "a video model"));
  EXPECT_NO_THROW(refuse_unserved(rule({.hidden = true}), video, "a video model"));
  for (const auto& [needs, words] : {std::pair{Needs{.bare_row = true}, "without its picture"},
                                     {Needs{.hidden = true, .tower_maps = true}, "vision tower"}}) {
    try {
      refuse_unserved(rule(needs), video, "a video model");
      FAIL() << "no error";
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr("[needing:x=1]"));
      EXPECT_THAT(error.what(), HasSubstr(words));
      EXPECT_THAT(error.what(), HasSubstr("a video model"));
    }
  }
}

TEST(MisfitTest, AnEditThatSelectsNoLayerIsAMisfit) {
  EditRule nowhere = rule({});
  nowhere.where = Selector::parse("kind=causal");
  const std::vector<Site> sites = {{.path = "up_blocks.1.attn1", .kind = SiteKind::kTemporal, .heads = 2}};
  const auto misfit = misfit_of(nowhere, sites);
  ASSERT_TRUE(misfit);
  EXPECT_THAT(misfit->expected, HasSubstr("kind=causal"));
  EXPECT_THAT(misfit->found, HasSubstr("1 temporal"));
  nowhere.where = {};
  EXPECT_FALSE(misfit_of(nowhere, sites));
  EXPECT_EQ(described(nowhere, *misfit),
            "[needing:x=1] changes nothing: expected " + misfit->expected + ", found " + misfit->found);
}

TEST(MisfitTest, AnEditThatSelectsNoStepOrRowOfTheRunIsAMisfit) {
  const std::vector<Site> sites = {{.path = "up_blocks.1.attn1", .kind = SiteKind::kTemporal, .heads = 2}};
  RunShape run;
  for (int i = 0; i < 4; ++i) run.steps.push_back({.index = i, .count = 4});
  const auto misfit = [&](const std::string& where) {
    EditRule edit = rule({});
    edit.where = Selector::parse(where);
    const auto found = misfit_of(edit, sites, run);
    return found ? found->found : "";
  };
  EXPECT_EQ(misfit("steps=3-9"), "");
  EXPECT_EQ(misfit("steps=0-1%"), "");
  EXPECT_THAT(misfit("steps=4-9"), HasSubstr("none among the run's 4"));
  EXPECT_THAT(misfit("steps=80-90%"), HasSubstr("none among the run's 4"));
  EXPECT_EQ(misfit("rows=uncond"), "");
  run.unconditional = false;
  EXPECT_THAT(misfit("rows=uncond"), HasSubstr("without guidance"));
  EXPECT_EQ(misfit("rows=cond"), "");
  run.steps.clear();
  EXPECT_EQ(misfit("steps=4-9"), "") << "nothing is known of the steps";
}

}  // namespace reel::attention::misfit_test
