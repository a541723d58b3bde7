#include "models/default_dtype.h"

#include "tests/support/models.h"

namespace reel::models::default_dtype_test {

TEST(DefaultDtypeTest, RoundsOnlyWhatWasStoredRounded) {
  EXPECT_EQ(default_dtype(true, true, at::kCPU), at::kBFloat16);
  EXPECT_EQ(default_dtype(false, true, at::kCPU), at::kFloat);
  EXPECT_EQ(default_dtype(true, false, at::kCPU), at::kFloat);
  EXPECT_EQ(default_dtype(false, false, at::kCUDA), at::kHalf);
}

TEST(DefaultDtypeTest, LooksAtTheFilesOfTheComponent) {
  const at::ScalarType half = processor_has_bf16() ? at::kBFloat16 : at::kFloat;
  EXPECT_EQ(default_dtype(golden_component("clip_text/half_stored"), at::kCPU), half);
  EXPECT_EQ(default_dtype(golden_component("clip_text/defaults_absent"), at::kCPU), at::kFloat);
}

}  // namespace reel::models::default_dtype_test
