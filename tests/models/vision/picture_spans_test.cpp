// Where pictures stand in prompts: spans of one and of several pictures, also of such as are cut up.
#include "models/vision/picture_spans.h"

#include <gmock/gmock.h>

namespace reel::models::picture_spans_test {

using testing::ElementsAre;

constexpr int64_t kPicture = 9;
const FeatureGrid kSmall{.height = 1, .width = 2}, kLarge{.height = 2, .width = 1, .extra = 1};

std::vector<std::vector<int64_t>> spans(const std::vector<int64_t>& ids,
                                        const std::vector<FeatureGrid>& grids) {
  std::vector<std::vector<int64_t>> all;
  for (const ImageSpan& span : picture_spans(ids, kPicture, grids))
    all.push_back({span.begin, span.count, span.height, span.width, span.image});
  return all;
}

TEST(PictureSpansTest, FollowTheOrderOfPictures) {
  EXPECT_THAT(spans({1, 9, 9, 2, 9, 9, 9}, {kSmall, kLarge}),
              ElementsAre(ElementsAre(1, 2, 1, 2, 0), ElementsAre(4, 3, 2, 1, 1)));
  EXPECT_TRUE(spans({1, 2}, {}).empty());
}

TEST(PictureSpansTest, SplitARunThatPicturesShare) {
  EXPECT_THAT(spans({9, 9, 9, 9, 9}, {kSmall, kLarge}),
              ElementsAre(ElementsAre(0, 2, 1, 2, 0), ElementsAre(2, 3, 2, 1, 1)));
}

TEST(PictureSpansTest, StateNoGridForAPictureThatTextInterrupts) {
  EXPECT_THAT(
      spans({9, 1, 9, 9, 1, 9, 9}, {kLarge, kSmall}),
      ElementsAre(ElementsAre(0, 1, 0, 0, 0), ElementsAre(2, 2, 0, 0, 0), ElementsAre(5, 2, 1, 2, 1)));
}

TEST(PictureSpansTest, RefuseAnotherNumberOfTokens) {
  EXPECT_THROW(spans({9}, {kSmall}), std::invalid_argument);
  EXPECT_THROW(spans({9, 9, 9}, {kSmall}), std::invalid_argument);
  EXPECT_THROW(spans({9}, {}), std::invalid_argument);
  EXPECT_THROW(spans({}, {kSmall}), std::invalid_argument);
}

TEST(PictureSpansTest, TakeTheFeaturesOfTheirPictures) {
  const at::Tensor embedded = at::zeros({7, 1});
  const std::vector<int64_t> ids = {9, 1, 9, 9, 1, 9, 9};
  put_features(embedded, picture_spans(ids, kPicture, {kLarge, kSmall}),
               {at::arange(1, 4, at::kFloat).view({3, 1}), at::arange(4, 6, at::kFloat).view({2, 1})});
  EXPECT_TRUE(at::equal(embedded.flatten(), at::tensor({1.F, 0.F, 2.F, 3.F, 0.F, 4.F, 5.F})));
}

}  // namespace reel::models::picture_spans_test
