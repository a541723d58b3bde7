#include "pipeline/captioning/familiarity.h"

#include <ATen/Functions.h>
#include <gmock/gmock.h>

#include "models/files/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::familiarity_test {

using testing::HasSubstr;
using testing::ThrowsMessage;

class FamiliarityTest : public testing::Test {
 protected:
  void write(const std::vector<float>& mean, const at::Tensor& whitening) {
    models::write_safetensors(folder_ / "familiar.safetensors",
                              {{"mean", at::tensor(mean)},
                               {"whitening", whitening},
                               {"threshold", at::tensor(std::vector<float>{1.5f})}});
  }
  std::optional<Familiarity> read() const { return Familiarity::read(folder_.path().string()); }
  TemporaryFolder folder_;
};

TEST_F(FamiliarityTest, IsTheDistanceOfTheMeanFeature) {
  EXPECT_FALSE(read()) << "a folder without the file says nothing";
  write({1, 2}, at::tensor(std::vector<float>{2, 0, 1, 3}).view({2, 2}));
  // The mean of the two tokens is (2, 1): away from (1, 2) by (1, -1), whitened (2, -2), over the square root of 2.
  const at::Tensor features = at::tensor(std::vector<float>{0, 4, 4, -2}).view({2, 2});
  EXPECT_NEAR(read()->distance(features), 2, 1e-6);
  EXPECT_FALSE(read()->knows(features));
  EXPECT_TRUE(read()->knows(at::tensor(std::vector<float>{1, 2}).view({1, 2})));
  EXPECT_THAT(
      [&] {
        read()->distance(at::zeros({1, 3}));
      },
      ThrowsMessage<std::runtime_error>(HasSubstr("width 2")));
}

TEST_F(FamiliarityTest, RefusesAMalformedFile) {
  write({1, 2, 3}, at::zeros({2, 2}));
  EXPECT_THAT([&] { read(); }, ThrowsMessage<std::runtime_error>(HasSubstr("must hold mean [D]")));
}

}  // namespace reel::pipeline::familiarity_test
