// Facts told from bytes alone: png_file, picture_file, container_file, frame_rate, frame_buffer.
#include <gmock/gmock.h>

#include "pipeline/media/container_file.h"
#include "pipeline/media/frame_buffer.h"
#include "pipeline/media/frame_rate.h"
#include "pipeline/media/pictures/picture_file.h"
#include "pipeline/media/pictures/png_file.h"
#include "tests/pipeline/media/media_testing.h"

namespace reel::media::file_inspection_test {

using ::testing::HasSubstr;

// A PNG of one black pixel, as in the specification's example of the smallest file.
const std::string kPixel = bytes(
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90\x77S\xde\0\0\0\x0cIDAT"
    "\x78\x9c\x63\x60\x60\x60\0\0\0\4\0\1\xf6\x17\x38\x55\0\0\0\0IEND\xae\x42\x60\x82");

TEST(PngFileTest, TextGoesInAndComesOut) {
  const std::map<std::string, std::string> text = {
      {"ascii", "plain"}, {"empty", ""}, {"unicode", "Grüße 猫"}};
  const std::string png = with_png_text(kPixel, text);
  const PictureFile file = inspect_picture("a.png", png);
  EXPECT_EQ(file.text, text);
  EXPECT_EQ(file.width, 1);
  EXPECT_EQ(file.height, 1);
  EXPECT_THAT(png, HasSubstr(bytes("tEXtascii\0plain")));
  EXPECT_THAT(png, HasSubstr("iTXtunicode"));
}

TEST(PngFileTest, EveryFlippedByteIsNoticed) {
  ASSERT_EQ(error_of([] { inspect_picture("a.png", kPixel); }), "");
  for (size_t i = 8; i < kPixel.size(); ++i) {
    std::string damaged = kPixel;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_THAT(error_of([&] { inspect_picture("a.png", damaged); }), HasSubstr("[a.png] is a damaged PNG"))
        << i;
  }
  for (size_t kept = 8; kept < kPixel.size(); ++kept) {
    EXPECT_NE(error_of([&] { inspect_picture("a.png", kPixel.substr(0, kept)); }), "") << kept;
  }
}

TEST(PictureFileTest, KnowsPicturesByTheirStart) {
  EXPECT_TRUE(is_picture(kPixel.substr(0, 16)));
  EXPECT_TRUE(is_picture("\xff\xd8\xff\xe0 and more"));
  EXPECT_TRUE(is_picture(bytes("RIFF\0\0\0\0WEBP")));
  EXPECT_FALSE(is_picture("RIFFxxxxAVI LIST"));
  EXPECT_FALSE(is_picture("GIF89a"));
  EXPECT_FALSE(is_picture(""));
}

TEST(PictureFileTest, JpegSizeIsNotTakenFromATable) {
  // DHT (c4) looks like a start of frame, but is none; the real one says 3x2.
  const std::string start =
      bytes("\xff\xd8\xff\xc4\0\x0b\x08\x40\x40\x40\x40\x03\x01\x11\x00\xff\xc2\0\x0b\x08\0\2\0\3\1\1\x11\0");
  const std::string scan = bytes("\xff\xda\0\x08\1\1\0\0\x3f\0xyz");
  EXPECT_EQ(inspect_picture("a.jpg", start + scan + "\xff\xd9").width, 3);
  EXPECT_EQ(inspect_picture("a.jpg", start + scan + "\xff\xd9").height, 2);
  EXPECT_THAT(error_of([&] { inspect_picture("a.jpg", start + scan); }), HasSubstr("cut off"));
  EXPECT_THAT(error_of([&] { inspect_picture("a.jpg", start); }), HasSubstr("cut off"));
}

TEST(PictureFileTest, AnimatedWebpIsNamed) {
  const std::string file = bytes("RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\2\0\0\0\x1f\0\0\x1f\0\0");
  EXPECT_THAT(error_of([&] { inspect_picture("a.webp", file); }), HasSubstr("animated"));
}

TEST(ContainerFileTest, MatroskaIsComparedWithItsOwnLength) {
  const TemporaryFolder folder;
  const std::string header = bytes("\x1a\x45\xdf\xa3\x87\x42\x82\x84webm");
  write_file(folder / "whole", header + bytes("\x18\x53\x80\x67\x85") + "12345");
  write_file(folder / "cut", header + bytes("\x18\x53\x80\x67\x85") + "1234");
  write_file(folder / "live", header + bytes("\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff") + "123");
  EXPECT_EQ(check_matroska(folder / "whole"), "webm");
  EXPECT_EQ(check_matroska(folder / "live"), "webm") << "a recording may not know its length";
  EXPECT_THAT(error_of([&] { check_matroska(folder / "cut"); }), HasSubstr("cut off"));
  write_file(folder / "endless", bytes("\x1a\x45\xdf\xa3\x87\x42\x82\xff"));
  EXPECT_THAT(error_of([&] { check_matroska(folder / "endless"); }), HasSubstr("cut off"));
}

TEST(ContainerFileTest, GifMustReachItsTrailer) {
  const TemporaryFolder folder;
  const std::string header = bytes("GIF89a\1\0\1\0\x80\0\0abcdef");  // with a table of two colours
  const std::string picture = bytes(",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0");
  write_file(folder / "whole", header + picture + ";");
  write_file(folder / "cut", header + picture);
  EXPECT_NO_THROW(check_gif(folder / "whole"));
  EXPECT_THAT(error_of([&] { check_gif(folder / "cut"); }), HasSubstr("cut off"));
}

TEST(FrameRateTest, TheSimplestFractionIsFound) {
  const auto text = [](double fps) {
    const FrameRate rate = to_frame_rate("test", fps);
    return std::to_string(rate.numerator) + "/" + std::to_string(rate.denominator);
  };
  EXPECT_EQ(text(8), "8/1");
  EXPECT_EQ(text(7.5), "15/2");
  EXPECT_EQ(text(29.97), "2997/100");
  EXPECT_EQ(text(30000.0 / 1001), "30000/1001");
  EXPECT_EQ(text(0.001), "1/1000");
  EXPECT_EQ(text(1000), "1000/1");
  EXPECT_NEAR(to_frame_rate("test", M_PI).value(), M_PI, 1e-6);
}

TEST(FrameBufferTest, GrowsAsFramesCome) {
  FrameBuffer buffer(2, 3, 1);
  for (int i = 0; i < 5; ++i) buffer.next().fill_(i);
  const at::Tensor frames = buffer.take();
  ASSERT_EQ(frames.sizes(), (std::vector<int64_t>{5, 2, 3, 3}));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(frames[i].eq(i).all().item<bool>());
}

TEST(FrameBufferTest, DoesNotTrustAHugeCount) {
  FrameBuffer buffer(1000, 1000, int64_t{1} << 40);
  buffer.next().zero_();
  EXPECT_EQ(buffer.take().size(0), 1);
}

}  // namespace reel::media::file_inspection_test
