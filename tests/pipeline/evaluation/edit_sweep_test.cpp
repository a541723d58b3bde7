#include "pipeline/evaluation/edit_sweep.h"
#include "attention/plugin/edit_registry.h"

#include <gmock/gmock.h>

namespace reel::pipeline::edit_sweep_test {

using testing::ElementsAre;
using testing::HasSubstr;

class EditSweepTest : public testing::Test {
 protected:
  EditSweepTest() { attention::register_edits(registry_); }
  EditSweep sweep(const std::vector<std::string>& edits) const { return parse_sweep(registry_, edits); }
  /// The edits of every point, joined by a blank.
  std::vector<std::string> points(const std::vector<std::string>& edits) const {
    std::vector<std::string> all;
    for (const SweepPoint& point : sweep(edits).points) {
      all.emplace_back();
      for (const std::string& edit : point.edits) all.back() += (all.back().empty() ? "" : " ") + edit;
    }
    return all;
  }
  std::string refusal(const std::vector<std::string>& edits) const {
    try {
      sweep(edits);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  }
  attention::EditRegistry registry_;
};

TEST_F(EditSweepTest, ARangeRunsFromOneEndToTheOther) {
  EXPECT_THAT(points({"scale:factor=0.5:2:0.5"}),
              ElementsAre("scale:factor=0.5", "scale:factor=1", "scale:factor=1.5", "scale:factor=2"));
  EXPECT_THAT(points({"scale:factor=2:1:-0.5"}),
              ElementsAre("scale:factor=2", "scale:factor=1.5", "scale:factor=1"));
  EXPECT_THAT(points({"scale:factor=0.5:2:1"}), ElementsAre("scale:factor=0.5", "scale:factor=1.5"));
}

TEST_F(EditSweepTest, RoundingDoesNotLoseTheLastValueNorShowInIt) {
  const EditSweep found = sweep({"scale:factor=0.1:0.3:0.1"});
  ASSERT_EQ(found.options.size(), 1u);
  EXPECT_THAT(found.options[0].values, ElementsAre("0.1", "0.2", "0.3"));
}

TEST_F(EditSweepTest, AListIsTakenAsItIs) {
  EXPECT_THAT(points({"scale:factor=1|1e1"}), ElementsAre("scale:factor=1", "scale:factor=1e1"));
}

TEST_F(EditSweepTest, SeveralOptionsSpanAGridWhoseLastChangesFastest) {
  const EditSweep found = sweep({"scale:factor=1|2@kind=temporal", "scale:factor=3|4"});
  ASSERT_EQ(found.options.size(), 2u);
  EXPECT_EQ(found.options[0].name, "scale.factor");
  EXPECT_EQ(found.options[1].name, "scale#2.factor");
  EXPECT_THAT(points({"scale:factor=1|2@kind=temporal", "scale:factor=3|4"}),
              ElementsAre("scale:factor=1@kind=temporal scale:factor=3",
                          "scale:factor=1@kind=temporal scale:factor=4",
                          "scale:factor=2@kind=temporal scale:factor=3",
                          "scale:factor=2@kind=temporal scale:factor=4"));
  EXPECT_THAT(found.points[2].values, ElementsAre("2", "3"));
}

TEST_F(EditSweepTest, WhatIsNotSweptStaysAsItWasTyped) {
  EXPECT_THAT(points({"scale:factor=1|2@layer=up_blocks.(1|2).* steps=0-20%", "tap:file=a:b,keep=heads"}),
              ElementsAre("scale:factor=1@layer=up_blocks.(1|2).* steps=0-20% tap:file=a:b,keep=heads",
                          "scale:factor=2@layer=up_blocks.(1|2).* steps=0-20% tap:file=a:b,keep=heads"));
}

TEST_F(EditSweepTest, RefusesWhatIsNoSweep) {
  EXPECT_THAT(refusal({"scale:factor=2"}), HasSubstr("no option takes several values"));
  EXPECT_THAT(refusal({"scale"}), HasSubstr("no option takes several values"));
  EXPECT_THAT(refusal({"scale:factor=1:2:0"}), HasSubstr("never arrives"));
  EXPECT_THAT(refusal({"scale:factor=1:2:-1"}), HasSubstr("never arrives"));
  EXPECT_THAT(refusal({"scale:factor=1:2"}), HasSubstr("FROM:TO:STEP"));
  EXPECT_THAT(refusal({"scale:factor=1:2:0.000001"}), HasSubstr("more than 1000 values"));
  EXPECT_THAT(refusal({"scale:factor=1:90:1", "scale:factor=1:90:1"}), HasSubstr("more than 1000 points"));
  EXPECT_THAT(refusal({"scale:factor=1||2"}), HasSubstr("empty value"));
  EXPECT_THAT(refusal({"scale:factor=1|2|1"}), HasSubstr("1 twice"));
}

TEST_F(EditSweepTest, EveryPointIsCheckedByTheRegistry) {
  EXPECT_THAT(refusal({"scael:factor=1|2"}), HasSubstr("did you mean 'scale'"));
  EXPECT_THAT(refusal({"scale:facto=1|2"}), HasSubstr("did you mean 'factor'"));
  EXPECT_THAT(refusal({"scale:factor=1|-1000000"}), HasSubstr("-1e+06"));
  EXPECT_THAT(refusal({"scale:factor=1|two"}), HasSubstr("two"));
}

}  // namespace reel::pipeline::edit_sweep_test
