// Pictures with their transparency.
#include <gmock/gmock.h>

#include "pipeline/media/pictures/picture_reader.h"
#include "pipeline/media/video_writer.h"
#include "tests/support/temporary_folder.h"

namespace reel::media::picture_rgba_test {

using testing::HasSubstr;

const std::string kAtlas = std::string(REEL_ASSETS_DIR) + "/world/sprites.png";

std::string complaint(const std::string& path) {
  try {
    read_rgba(path);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

class ReadRgbaTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
  }
};

TEST_F(ReadRgbaTest, KeepsTransparencyAndTheOrderOfColours) {
  const at::Tensor atlas = read_rgba(kAtlas);
  ASSERT_EQ(atlas.sizes(), (at::IntArrayRef{512, 512, 4}));
  ASSERT_EQ(atlas.scalar_type(), at::kByte);
  // The corner of a cell is empty; the middle of the apple (row 3, column 6) is red.
  EXPECT_EQ(atlas[0][0][3].item<int>(), 0);
  const at::Tensor apple = atlas[3 * 64 + 32][6 * 64 + 32].to(at::kInt);
  EXPECT_EQ(apple[3].item<int>(), 255);
  EXPECT_GT(apple[0].item<int>(), 150);
  EXPECT_LT(apple[2].item<int>(), 100);
}

TEST_F(ReadRgbaTest, APictureWithoutTransparencyIsOpaque) {
  const TemporaryFolder folder;
  at::Tensor picture = at::zeros({1, 3, 5, 3}, at::kByte);
  picture[0][1][2][0] = 200;
  write_video(folder / "a.png", {picture, 8}, {.frames = 1});
  const at::Tensor read = read_rgba(folder / "a.png");
  EXPECT_TRUE(at::equal(read.narrow(2, 0, 3), picture[0]));
  EXPECT_TRUE((read.select(2, 3) == 255).all().item<bool>());
}

TEST_F(ReadRgbaTest, NamesTheFileThatIsAbsentOrDamaged) {
  const TemporaryFolder folder;
  EXPECT_THAT(complaint(folder / "none.png"), HasSubstr("none.png] does not exist"));
  write_file(folder / "cut.png", read_file(kAtlas).substr(0, 1000));
  EXPECT_THAT(complaint(folder / "cut.png"), HasSubstr("cut.png] is a damaged PNG"));
}

}  // namespace reel::media::picture_rgba_test
