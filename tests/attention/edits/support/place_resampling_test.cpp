#include "attention/edits/support/place_resampling.h"

#include <gtest/gtest.h>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace reel::attention::place_resampling_test {

at::Tensor resampled(const at::Tensor& picture, int64_t height, int64_t width, const std::string& how) {
  const PlaceResampling r = resample_places(picture.size(0), picture.size(1), height, width, how);
  const at::Tensor picked =
      picture.flatten().index_select(0, r.places.flatten().to(at::kLong)).view_as(r.places);
  return (picked * r.weights).sum(1).view({height, width});
}

TEST(PlaceResamplingTest, EqualsATensInterpolation) {
  at::manual_seed(3);
  for (const auto& [h, w, height, width] : {std::array<int64_t, 4>{2, 3, 4, 6},
                                            {5, 8, 20, 32},
                                            {3, 5, 7, 9},
                                            {4, 4, 4, 4},
                                            {1, 1, 3, 2},
                                            {6, 4, 3, 2}}) {
    const at::Tensor picture = at::rand({h, w}), four = picture.view({1, 1, h, w});
    EXPECT_LE((resampled(picture, height, width, "bilinear") -
               at::upsample_bilinear2d(four, {height, width}, false)[0][0])
                  .abs()
                  .max()
                  .item<double>(),
              1e-6);
    EXPECT_TRUE(at::equal(resampled(picture, height, width, "nearest"),
                          at::upsample_nearest2d(four, {height, width})[0][0]))
        << h << " to " << height;
  }
}

}  // namespace reel::attention::place_resampling_test
