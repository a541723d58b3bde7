#include "pipeline/media/stills/read_picture.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include "models/files/safetensors.h"
#include "pipeline/media/pictures/picture_reader.h"
#include "tests/pipeline/media/media_testing.h"
#include "tests/support/golden.h"

namespace reel::media::read_picture_test {

using testing::AllOf;
using testing::HasSubstr;

const std::string kStills = REEL_GOLDEN "/stills/";

bool needs_libraries(const std::string& name) {
  const std::string kind = name.substr(name.rfind('.') + 1);
  return kind != "bmp" && kind != "gif" && kind != "pbm" && kind != "pgm" && kind != "ppm";
}

TEST(ReadPictureTest, EqualsPillowToTheByte) {
  const Golden expected("stills/expected.safetensors");
  int64_t files = 0;
  for (const std::string& name : expected.names()) {
    if (needs_libraries(name) && !can_read_pictures()) continue;
    const at::Tensor pixels = read_picture(kStills + name);
    ASSERT_EQ(pixels.sizes(), expected[name].sizes()) << name;
    EXPECT_TRUE(pixels.is_contiguous() && pixels.scalar_type() == at::kByte) << name;
    const at::Tensor difference = (pixels.to(at::kInt) - expected[name].to(at::kInt)).abs();
    EXPECT_EQ(difference.max().item<int>(), 0) << name << ": " << difference.ne(0).sum().item<int64_t>()
                                               << " of " << difference.numel() << " bytes differ";
    const PictureSize size = picture_size(kStills + name);
    EXPECT_EQ(size.height, pixels.size(0)) << name;
    EXPECT_EQ(size.width, pixels.size(1)) << name;
    ++files;
  }
  EXPECT_GE(files, can_read_pictures() ? 143 : 40);
}

TEST(ReadPictureTest, TheContentDecidesNotTheName) {
  const TemporaryFolder folder;
  write_file(folder / "a.png", "P5 2 1 255\n\x10\x20");
  const at::Tensor pixels = read_picture(folder / "a.png");
  EXPECT_EQ(pixels[0][1][2].item<int>(), 0x20);
}

TEST(ReadPictureTest, ReadsFramesOfY4m) {
  const TemporaryFolder folder;
  const at::Tensor frames = smooth_video(3, 10, 14);
  write_video(folder / "a.y4m", {frames}, {});
  for (int64_t frame = 0; frame < 3; ++frame)
    EXPECT_LE(largest_error(read_picture(folder / "a.y4m", frame), frames[frame]), 1) << frame;
  EXPECT_TRUE(at::equal(read_picture(folder / "a.y4m"), read_picture(folder / "a.y4m", 0)));
  EXPECT_THAT(error_of<std::invalid_argument>([&] { read_picture(folder / "a.y4m", 3); }),
              HasSubstr("has the frames 0 to 2, got 3"));
  EXPECT_THAT(error_of<std::invalid_argument>([&] { read_picture(folder / "a.y4m", -1); }),
              HasSubstr("0 or more"));
  write_file(folder / "b.ppm", "P5 1 1 255\nx");
  EXPECT_THAT(error_of<std::invalid_argument>([&] { read_picture(folder / "b.ppm", 1); }),
              HasSubstr("0 of a picture"));
  // What follows the frame is not looked at.
  write_file(folder / "a.y4m", read_file(folder / "a.y4m") + "JUNK");
  EXPECT_EQ(read_picture(folder / "a.y4m", 2).size(0), 10);
}

TEST(ReadPictureTest, ReadsSafetensors) {
  const TemporaryFolder folder;
  const at::Tensor picture = smooth_video(1, 6, 9)[0];
  const auto refusal = [&] { return error_of([&] { read_picture(folder / "a.safetensors"); }); };
  models::write_safetensors(folder / "a.safetensors", {{"image", picture}, {"other", at::zeros({2})}});
  EXPECT_TRUE(at::equal(read_picture(folder / "a.safetensors"), picture));
  EXPECT_EQ(picture_size(folder / "a.safetensors").width, 9);
  models::write_safetensors(folder / "a.safetensors", {{"images", picture}});
  EXPECT_THAT(refusal(), HasSubstr("must hold a tensor 'image'"));
  models::write_safetensors(folder / "a.safetensors", {{"image", picture.to(at::kFloat)}});
  EXPECT_THAT(refusal(), HasSubstr("as uint8 [H, W, 3], got Float [6, 9, 3]"));
  models::write_safetensors(folder / "a.safetensors", {{"image", picture.unsqueeze(0)}});
  EXPECT_THAT(refusal(), HasSubstr("[1, 6, 9, 3]"));
  models::write_safetensors(folder / "a.safetensors", {{"image", at::empty({0, 4, 3}, at::kByte)}});
  EXPECT_THAT(refusal(), HasSubstr("must have pixels"));
}

TEST(ReadPictureTest, BuildsWithoutLibrariesSayWhatTheyRead) {
  if (can_read_pictures()) GTEST_SKIP() << "this build reads them";
  for (const char* name : {"444.jpg", "rgb_8.png", "lossy.webp", "rgb_raw.tif"})
    EXPECT_THAT(error_of([&] { read_picture(kStills + name); }),
                HasSubstr("use .bmp, .ppm, .gif, .y4m or .safetensors"));
}

}  // namespace reel::media::read_picture_test
