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
}

}  // namespace reel::attention::misfit_test
