// What a damaged pairs.json is refused for.
#include "pipeline/evaluation/still_scenes/still_world.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "pipeline/media/pictures/picture_reader.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/world.h"

namespace reel::world::still_world_test {

class StillWorldTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!media::can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
    std::filesystem::copy(bundled_world_folder(), folder_.path(), std::filesystem::copy_options::recursive);
    std::ifstream(folder_.path() / "pairs.json") >> pairs_;
  }
  std::string refusal() {
    std::ofstream(folder_.path() / "pairs.json") << pairs_;
    try {
      load_still_world(folder_.path());
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  TemporaryFolder folder_;
  nlohmann::json pairs_;
};

TEST_F(StillWorldTest, ReadsTheBundledOne) {
  EXPECT_EQ(refusal(), "");
  const StillWorld& still = bundled_still_world();
  const int boat = still.world.object_index("boat"), dolphin = still.world.object_index("dolphin");
  EXPECT_EQ(still.partner[boat], dolphin);
  EXPECT_EQ(still.partner[dolphin], boat);
  EXPECT_NEAR(still.frequency[boat], 0.2 * 0.4, 1e-12);
  EXPECT_EQ(still.words.plurals[still.world.object_index("fox")], "foxes");
}

TEST_F(StillWorldTest, NamesTheEntryThatIsWrong) {
  using testing::HasSubstr;
  pairs_["groups"][0]["pairs"][1][0] = "boat";  // of the first pair already
  EXPECT_THAT(refusal(),
              testing::AllOf(HasSubstr("pairs.json] 'groups[0].pairs[1][0]'"), HasSubstr("no other pair")));
  pairs_["groups"][0]["pairs"][1][0] = "zebra";
  EXPECT_THAT(refusal(), HasSubstr("an object in world.json"));
  pairs_["groups"].erase(0);
  EXPECT_THAT(refusal(), HasSubstr("hold every object"));
}

TEST_F(StillWorldTest, RefusesNumbersOutOfRange) {
  pairs_["scene"]["sprites"] = 2;  // three pairs need six
  EXPECT_THAT(refusal(), testing::HasSubstr("'scene.sprites'"));
  pairs_["scene"]["sprites"] = 7, pairs_["bias"]["partner"] = 1.5;
  EXPECT_THAT(refusal(), testing::HasSubstr("'bias.partner' must be a number from 0 to 1, got 1.5"));
  std::filesystem::remove(folder_.path() / "pairs.json");
  EXPECT_THROW(load_still_world(folder_.path()), std::runtime_error);
}

}  // namespace reel::world::still_world_test
