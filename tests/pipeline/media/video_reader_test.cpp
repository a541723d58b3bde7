// Hostile and foreign files: a clear error or the right frames, never a crash.
#include "pipeline/media/video_reader.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/pipeline/media/media_testing.h"

namespace reel::media::video_reader_test {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string reading(const std::string& path) {
  return error_of([&] {
    const auto reader = VideoReader::open(path);
    reader->info();
    reader->read();
  });
}

// A small file of each kind that reel reads.
std::vector<std::string> make_samples(const TemporaryFolder& folder) {
  const at::Tensor pixels = smooth_video(6, 48, 48);
  std::vector<std::string> names = {"a.y4m"};
  if (has_codecs()) names.insert(names.end(), {"a.mp4", "a.webm", "a.gif"});
  for (const std::string& name : names) write_video(folder / name, {pixels}, {});
  if (!has_codecs()) return names;
  write_video(folder / "a.png", {pixels.slice(0, 0, 1)}, {.metadata = {{"prompt", "waves"}}});
  for (const std::string name : {"a.jpg", "a.webp"}) {
    if (!has_tools()) break;
    output_of("ffmpeg -v error -y -i " + folder / "a.png " + folder / name);
    names.push_back(name);
  }
  names.push_back("a.png");
  return names;
}

TEST(VideoReaderTest, WhatIsNoVideoIsNamed) {
  const TemporaryFolder folder;
  EXPECT_THAT(reading(folder / "none.mp4"), AllOf(HasSubstr("none.mp4]"), HasSubstr("does not exist")));
  EXPECT_THAT(reading(folder.path()), HasSubstr("got a folder"));
  EXPECT_THAT(reading("/dev/zero"), HasSubstr("must be a regular file, got a device"));
  write_file(folder / "empty.mp4", "");
  EXPECT_THAT(reading(folder / "empty.mp4"), HasSubstr("is empty"));
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  write_file(folder / "text.mp4", "These are the notes of a meeting.\nNothing to be seen.\n");
  EXPECT_THAT(reading(folder / "text.mp4"), HasSubstr("no video or picture"));
  write_file(folder / "one.mp4", "x");
  EXPECT_THAT(reading(folder / "one.mp4"), HasSubstr("one.mp4]"));
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    std::string bytes(5000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    write_file(folder / "random.webm", bytes);
    EXPECT_THAT(reading(folder / "random.webm"), HasSubstr("random.webm]")) << i;
  }
  output_of("ffmpeg -v error -f lavfi -i sine=duration=0.2 " + folder / "sound.mp4");
  EXPECT_THAT(reading(folder / "sound.mp4"), HasSubstr("no video"));
}

TEST(VideoReaderTest, NoOtherFileIsOpenedByAPlaylist) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  write_video(folder / "a.mp4", {smooth_video(2, 32, 32)}, {});
  write_file(folder / "list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n");
  write_file(folder / "concat.mp4", "ffconcat version 1.0\nfile a.mp4\n");
  EXPECT_THAT(reading(folder / "list.mp4"), HasSubstr("no video or picture"));
  EXPECT_THAT(reading(folder / "concat.mp4"), HasSubstr("no video or picture"));
}

TEST(VideoReaderTest, ContentCountsNotTheExtension) {
  const TemporaryFolder folder;
  for (const std::string& name : make_samples(folder)) {
    const std::string bytes = read_file(folder / name);
    write_file(folder / "wrong.xyz", bytes);
    const auto reader = VideoReader::open(folder / "wrong.xyz");
    EXPECT_EQ(reader->info().width, 48) << name;
    EXPECT_LT(mean_error(reader->read(0, 1).pixels, smooth_video(1, 48, 48)), 7) << name;
  }
}

TEST(VideoReaderTest, CutFilesAreRefusedWhereverTheCut) {
  const TemporaryFolder folder;
  for (const std::string& name : make_samples(folder)) {
    const std::string bytes = read_file(folder / name);
    const size_t size = bytes.size();
    for (const size_t kept : {size / 100, size / 10, size / 5, size / 3, size / 2, size * 2 / 3, size * 4 / 5,
                              size * 9 / 10, size - 100, size - 10, size - 1}) {
      write_file(folder / "cut", bytes.substr(0, kept));
      EXPECT_THAT(reading(folder / "cut"), HasSubstr("cut] "))
          << name << ", " << kept << " of " << size << " bytes";
    }
  }
}

TEST(VideoReaderTest, FlippedBytesNeverCrash) {
  const TemporaryFolder folder;
  std::mt19937 random(11);
  for (const std::string& name : make_samples(folder)) {
    const std::string bytes = read_file(folder / name);
    int errors = 0;
    for (int round = 0; round < 60; ++round) {
      std::string damaged = bytes;
      for (int flip = 0; flip < 1 + round % 4; ++flip) {
        // Every second time near the start, where sizes and counts stand.
        const size_t range = round % 2 == 0 ? damaged.size() : std::min<size_t>(damaged.size(), 200);
        damaged[random() % range] = static_cast<char>(random());
      }
      write_file(folder / "flipped", damaged);
      try {
        const auto reader = VideoReader::open(folder / "flipped");
        const VideoInfo info = reader->info();
        const at::Tensor pixels = reader->read(0, 8).pixels;
        EXPECT_EQ(pixels.size(1), info.height) << name;
        EXPECT_EQ(pixels.size(2), info.width) << name;
      } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("flipped] ")) << name;
        ++errors;
      }
    }
    RecordProperty(name + " refused", errors);
  }
}

TEST(VideoReaderTest, HugeFramesAreRefusedBeforeDecoding) {
  const TemporaryFolder folder;
  write_file(folder / "huge.y4m", "YUV4MPEG2 W100000 H100000 F1:1\nFRAME\n");
  EXPECT_THAT(reading(folder / "huge.y4m"), HasSubstr("2^28 pixels, got 100000x100000"));
  write_file(folder / "zero.y4m", "YUV4MPEG2 W0 H5 F1:1\nFRAME\n");
  EXPECT_THAT(reading(folder / "zero.y4m"), HasSubstr("got 0x5"));
  REEL_NEEDS_CODECS();
  write_file(folder / "huge.gif",
             bytes("GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00"
                   "\x02\x02\x44\x01\x00;"));
  EXPECT_THAT(reading(folder / "huge.gif"), HasSubstr("huge.gif] "));
  write_file(folder / "huge.jpg",
             bytes("\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x11\x00\x02\x11\x00"
                   "\x03\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00?\x00\x00\xff\xd9"));
  EXPECT_THAT(reading(folder / "huge.jpg"), HasSubstr("65535x65535"));
}

TEST(VideoReaderTest, PicturesAreOneFrame) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const TemporaryFolder folder;
  make_samples(folder);
  for (const std::pair<const char*, const char*>& sample :
       {std::pair{"a.png", "png"}, {"a.jpg", "jpeg"}, {"a.webp", "webp"}}) {
    const auto reader = VideoReader::open(folder / sample.first);
    const VideoInfo info = reader->info();
    EXPECT_EQ(info.frames, 1);
    EXPECT_EQ(info.format, sample.second);
    EXPECT_EQ(reader->read(0, 5).pixels.sizes(), (std::vector<int64_t>{1, 48, 48, 3}));
    EXPECT_EQ(reader->read(1, 5).pixels.size(0), 0);
  }
}

TEST(VideoReaderTest, AlphaGreyAndDeepPicturesBecomeRgb) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const TemporaryFolder folder;
  write_video(folder / "a.png", {smooth_video(1, 24, 24)}, {});
  for (const std::string format : {"rgba", "gray", "rgb48be", "pal8"}) {
    output_of("ffmpeg -v error -y -i " + folder / "a.png -pix_fmt " + format + " " + folder / "b.png");
    const at::Tensor pixels = VideoReader::open(folder / "b.png")->read().pixels;
    EXPECT_EQ(pixels.sizes(), (std::vector<int64_t>{1, 24, 24, 3})) << format;
    // 16 bits are cut to 8, not rounded.
    const double tolerance = format == "gray" ? 80 : format == "pal8" ? 20 : format == "rgb48be" ? 1 : 0;
    EXPECT_LE(mean_error(pixels, smooth_video(1, 24, 24)), tolerance) << format;
  }
}

// A camera stores the picture as the sensor lies and says how to turn it.
TEST(VideoReaderTest, RotatedVideosAreTurnedUpright) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const TemporaryFolder folder;
  write_video(folder / "a.mp4", {smooth_video(2, 32, 64)}, {.crf = 4});
  output_of("ffmpeg -v error -i " + folder / "a.mp4 -c copy -metadata:s:v rotate=90 " +
            folder / "turned.mp4");
  const auto reader = VideoReader::open(folder / "turned.mp4");
  EXPECT_EQ(reader->info().height, 64);
  EXPECT_EQ(reader->info().width, 32);
  const at::Tensor turned = reader->read().pixels;
  const std::string shown =
      output_of("ffmpeg -v error -i " + folder / "turned.mp4 -f rawvideo -pix_fmt rgb24 -");
  ASSERT_EQ(shown.size(), static_cast<size_t>(turned.numel()));
  // ffmpeg turns before it converts and forgets where chroma lies, which costs 3; the other direction is 70
  // off.
  EXPECT_LT(mean_error(turned, at::from_blob(const_cast<char*>(shown.data()), turned.sizes(), at::kByte)), 5);
  EXPECT_LT(mean_error(turned, smooth_video(2, 32, 64).rot90(1, {1, 2})), 1.5);
}

TEST(VideoReaderTest, TrimmedVideosCountWhatIsShown) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const TemporaryFolder folder;
  write_video(folder / "a.mp4", {smooth_video(20, 32, 32)}, {.fps = 10});
  output_of("ffmpeg -v error -ss 0.55 -i " + folder / "a.mp4 -c copy " + folder / "trimmed.mp4");
  const auto reader = VideoReader::open(folder / "trimmed.mp4");
  EXPECT_EQ(reader->info().frames, reader->read().pixels.size(0));
  EXPECT_LT(reader->info().frames, 20);
}

TEST(VideoReaderTest, ForeignContainersAndFormatsAreRead) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const TemporaryFolder folder;
  const at::Tensor pixels = smooth_video(8, 48, 64);
  write_video(folder / "a.y4m", {pixels}, {.fps = 8});
  for (const std::string output :
       {"a.mkv", "a.mov", "a.avi", "a.ts", "a.flv", "-pix_fmt yuv422p b.mkv", "-pix_fmt yuv444p10le c.mkv",
        "-c:v ffv1 -pix_fmt gbrp d.mkv", "-movflags frag_keyframe+empty_moov fragmented.mp4"}) {
    const size_t space = output.rfind(' ');
    const std::string name = output.substr(space + 1);
    output_of("ffmpeg -v error -i " + folder / "a.y4m " + (space + 1 ? output.substr(0, space) : "") +
              " -qscale:v 2 " + folder / name);
    const auto reader = VideoReader::open(folder / name);
    EXPECT_EQ(reader->info().frames, 8) << name;
    const at::Tensor read = reader->read().pixels;
    ASSERT_EQ(read.sizes(), pixels.sizes()) << name;
    // From full-range y4m, ffmpeg keeps BT.601 unnamed; its own conversions cost up to 3 here.
    EXPECT_LT(mean_error(read, pixels), 4) << name;
  }
}

TEST(Y4mTest, ReadsWhatFfmpegWrites) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const TemporaryFolder folder;
  const at::Tensor pixels = smooth_video(3, 24, 40);
  write_video(folder / "a.y4m", {pixels}, {});
  // Chroma is repeated, not interpolated: half a pixel off, which is 2 to 5 on these waves.
  const std::pair<const char*, double> formats[] = {
      {"yuv444p", 1.5}, {"yuv422p", 4}, {"yuv420p", 4}, {"yuvj420p", 4}, {"gray", 80}};
  for (const auto& [format, tolerance] : formats) {
    output_of("ffmpeg -v error -y -i " + folder / "a.y4m -strict -1 -pix_fmt " + format + " " +
              folder / "b.y4m");
    const auto reader = VideoReader::open(folder / "b.y4m");
    EXPECT_EQ(reader->info().format, "y4m");
    const at::Tensor read = reader->read().pixels;
    ASSERT_EQ(read.sizes(), pixels.sizes()) << format;
    EXPECT_LT(mean_error(read, pixels), tolerance) << format;
  }
}

TEST(Y4mTest, EveryColourComesBackWithinOne) {
  at::Tensor pixels = at::empty({1, 52 * 4, 52 * 13, 3}, at::kByte);  // every fifth value of each channel
  const at::Tensor index = at::arange(52 * 52 * 52);
  const at::Tensor colours = at::stack({index % 52, index / 52 % 52, index / (52 * 52)}, 1) * 5;
  pixels.copy_(colours.view({1, 52 * 4, 52 * 13, 3}));
  const TemporaryFolder folder;
  write_video(folder / "a.y4m", {pixels}, {});
  EXPECT_LE(largest_error(VideoReader::open(folder / "a.y4m")->read().pixels, pixels), 1);
}

TEST(Y4mTest, BadHeadersAreRefused) {
  const TemporaryFolder folder;
  const std::string frame = "FRAME\n" + std::string(12, 'x');
  const std::pair<const char*, const char*> headers[] = {{"YUV4MPEG2 W2 H2 F8:1 C420p10\n", "C420p10"},
                                                         {"YUV4MPEG2 Wx H2 F8:1\n", "'x'"},
                                                         {"YUV4MPEG2\n", "0x0"},
                                                         {"YUV4MPEG2 W2 H2 F8\n", "frame rate"},
                                                         {"YUV4MPEG2 W2 H2", "no FRAME"},
                                                         {"YUV4MPEG2 W-2 H2\n", "'-2'"},
                                                         {"YUV4MPEG2 W99999999999999999999 H2\n", "number"}};
  for (const auto& [header, part] : headers) {
    write_file(folder / "a.y4m", header + frame);
    EXPECT_THAT(reading(folder / "a.y4m"), AllOf(HasSubstr("a.y4m] "))) << header;
  }
  write_file(folder / "b.y4m", "YUV4MPEG2 W2 H2 F8:1 C444\n");
  EXPECT_THAT(reading(folder / "b.y4m"), HasSubstr("no frames"));
  write_file(folder / "c.y4m", "YUV4MPEG2 W2 H2 F8:1 C444\n" + frame + "JUNK\n");
  EXPECT_THAT(reading(folder / "c.y4m"), HasSubstr("no FRAME mark"));
}

}  // namespace reel::media::video_reader_test
