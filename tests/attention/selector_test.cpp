#include "attention/selector.h"

#include <gmock/gmock.h>

namespace reel::attention::selector_test {

using testing::HasSubstr;

std::string error_of(std::string_view text) {
  try {
    Selector::parse(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(SelectorTest, TextFormReadsBackEqual) {
  const std::string text = "kind=temporal+cross layer=up_blocks.[123].* steps=0-20% heads=0+3-7 rows=cond";
  EXPECT_EQ(Selector::parse(text).text(), text);
  EXPECT_EQ(Selector::parse("").text(), "");
  EXPECT_EQ(Selector::parse("rows=all").text(), "");
}

TEST(SelectorTest, PercentStepsAreHalfOpenAndIndicesInclusive) {
  const auto chosen = [](std::string_view text, int count) {
    std::vector<int> indices;
    for (int i = 0; i < count; ++i) {
      if (Selector::parse(text).matches(Step{.index = i, .count = count})) indices.push_back(i);
    }
    return indices;
  };
  EXPECT_EQ(chosen("steps=0-20%", 25), (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(chosen("steps=0-20%", 5), (std::vector<int>{0}));
  EXPECT_EQ(chosen("steps=50-100%", 4), (std::vector<int>{2, 3}));
  EXPECT_EQ(chosen("steps=1-2", 5), (std::vector<int>{1, 2}));
}

TEST(SelectorTest, LayersAreGlobsOverTheWholePath) {
  const Site site{.path = "up_blocks.1.motion_modules.0.attn1", .kind = SiteKind::kTemporal, .heads = 8};
  EXPECT_TRUE(Selector::parse("layer=up_blocks.[123].*").matches(site));
  EXPECT_FALSE(Selector::parse("layer=up_blocks.1").matches(site));
  EXPECT_FALSE(Selector::parse("kind=spatial").matches(site));
}

TEST(SelectorTest, RejectsHeadBeyondSite) {
  const Site site{.path = "a", .heads = 4};
  EXPECT_EQ(Selector::parse("heads=0+2-3").heads_of(site), (std::vector<int64_t>{0, 2, 3}));
  EXPECT_TRUE(Selector::parse("heads=0-3").heads_of(site).empty()) << "all heads need no selection";
  EXPECT_THROW(Selector::parse("heads=4").heads_of(site), std::invalid_argument);
}

TEST(SelectorTest, ErrorsNameTheTermAndTheWayOut) {
  EXPECT_THAT(error_of("knd=temporal"), HasSubstr("did you mean 'kind'"));
  EXPECT_THAT(error_of("kind=temporl"), HasSubstr("did you mean 'temporal'"));
  EXPECT_THAT(error_of("steps=0-140%"), HasSubstr("got 140 %"));
  EXPECT_THAT(error_of("steps=5-2"), HasSubstr("behind the last"));
  EXPECT_THAT(error_of("rows=some"), HasSubstr("cond, uncond or all"));
  EXPECT_THAT(error_of("kind"), HasSubstr("name=value"));
  EXPECT_THAT(error_of("kind=cross kind=cross"), HasSubstr("given twice"));
  EXPECT_THAT(error_of("heads=1.5"), HasSubstr("whole number"));
  EXPECT_THAT(error_of("heads=-1"), HasSubstr("not a number"));
}

}  // namespace reel::attention::selector_test
