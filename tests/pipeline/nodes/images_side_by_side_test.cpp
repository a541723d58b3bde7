// ImagesSideBySide: two videos in one picture.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"

namespace reel::pipeline::images_side_by_side_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

NodeBench::Given pair(const at::Tensor& left, const at::Tensor& right) {
  return {{"left", Images{left}}, {"right", Images{right}}};
}

TEST(ImagesSideBySideTest, Declares) {
  EXPECT_THAT(NodeBench().sockets("ImagesSideBySide"),
              ElementsAre("left: IMAGE", "right: IMAGE", "-> IMAGE"));
}

TEST(ImagesSideBySideTest, KeepsBothBitForBitInTheirHalves) {
  const at::Tensor left = waves({3, 4, 5, 3}), right = waves({3, 4, 2, 3}).cos();  // widths may differ
  const at::Tensor both = NodeBench().get<Images>("ImagesSideBySide", pair(left, right)).pixels;
  ASSERT_EQ(both.sizes(), at::IntArrayRef({3, 4, 7, 3}));
  EXPECT_TRUE(at::equal(both.narrow(2, 0, 5), left));
  EXPECT_TRUE(at::equal(both.narrow(2, 5, 2), right));
}

TEST(ImagesSideBySideTest, RefusesVideosOfAnotherLengthOrHeight) {
  const at::Tensor left = at::zeros({3, 4, 5, 3});
  for (const auto& other : {at::zeros({2, 4, 5, 3}), at::zeros({3, 6, 5, 3})}) {
    EXPECT_THAT(NodeBench().refusal("ImagesSideBySide", pair(left, other)),
                AllOf(StartsWith("[ImagesSideBySide] frames and height must agree, got [3, 4, 5, 3] and "),
                      HasSubstr(c10::str(other.sizes())), HasSubstr("; give both")));
  }
}

}  // namespace reel::pipeline::images_side_by_side_test
