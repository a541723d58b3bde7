// Every format: written, read back, and judged by ffprobe as well. Long because each format is held to the
// same promises.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/pipeline/media/media_testing.h"

namespace reel::media::round_trip_test {

nlohmann::json probe(const std::string& path) {
  const nlohmann::json all = nlohmann::json::parse(
      output_of("ffprobe -v error -count_frames -show_streams -show_format -of json '" + path + "'"));
  nlohmann::json stream = all.at("streams").at(0);
  stream["format"] = all.at("format");
  return stream;
}

struct Case {
  const char *name, *extension, *codec;
  const char *written_codec, *pixel_format;
  double tolerance;  // of the mean absolute error
};

// Lossy codecs at their default quality leave 1 to 1.5 of 255 on smooth content, a third of it from rounding
// to limited-range YCbCr; HEVC's and AV1's defaults are coarser. 256 dithered colours: neighbours differ, the
// local mean does not. y4m: rounding to full-range YCbCr.
const Case kCases[] = {
    {"Mp4H264", "mp4", "", "h264", "yuv420p", 1.5},  {"Mp4Hevc", "mp4", "h265", "hevc", "yuv420p", 2.0},
    {"Mp4Av1", "mp4", "av1", "av1", "yuv420p", 2.0}, {"Mp4Vp9", "mp4", "vp9", "vp9", "yuv420p", 1.5},
    {"WebmVp9", "webm", "", "vp9", "yuv420p", 1.5},  {"WebmAv1", "webm", "av1", "av1", "yuv420p", 2.0},
    {"Gif", "gif", "", "gif", "bgra", 6.0},          {"Y4m", "y4m", "", "rawvideo", "yuv444p", 0.6}};

class RoundTripTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (std::string(GetParam().extension) != "y4m") REEL_NEEDS_CODECS();
  }
  std::string path() const { return folder_ / (std::string("video.") + GetParam().extension); }
  WriteOptions options() const { return {.fps = 7.5, .codec = GetParam().codec}; }

  TemporaryFolder folder_;
};

TEST_P(RoundTripTest, FramesComeBack) {
  const at::Tensor pixels = smooth_video(12, 48, 64);
  write_video(path(), {pixels}, options());
  const auto reader = VideoReader::open(path());
  const VideoInfo info = reader->info();
  EXPECT_EQ(info.frames, 12);
  EXPECT_EQ(info.height, 48);
  EXPECT_EQ(info.width, 64);
  EXPECT_NEAR(info.fps, 7.5, 0.02);
  EXPECT_EQ(info.format, GetParam().extension);
  EXPECT_EQ(info.codec, GetParam().written_codec);
  const Frames frames = reader->read();
  ASSERT_EQ(frames.pixels.sizes(), pixels.sizes());
  EXPECT_EQ(frames.pixels.scalar_type(), at::kByte);
  EXPECT_TRUE(frames.pixels.is_contiguous());
  EXPECT_NEAR(frames.fps, 7.5, 0.02);
  EXPECT_LT(mean_error(frames.pixels, pixels), GetParam().tolerance);
  for (int64_t i = 0; i < 12; ++i) {
    EXPECT_LT(mean_error(frames.pixels[i], pixels[i]), GetParam().tolerance + 0.5) << "frame " << i;
  }
  EXPECT_EQ(names_in(folder_.path()).size(), 1u) << "no temporary is left";
}

TEST_P(RoundTripTest, RangesAreExactInAnyOrder) {
  write_video(path(), {smooth_video(10, 32, 32)}, options());
  const auto reader = VideoReader::open(path());
  const at::Tensor all = reader->read().pixels;
  ASSERT_EQ(all.size(0), 10);
  const std::pair<int64_t, int64_t> ranges[] = {{3, 5}, {5, 6}, {9, 10}, {0, 1}, {7, 99}, {4, -1}};
  for (const auto& [begin, end] : ranges) {
    const at::Tensor part = reader->read(begin, end).pixels;
    EXPECT_TRUE(at::equal(part, all.slice(0, begin, end < 0 ? 10 : end))) << begin << " to " << end;
  }
  EXPECT_EQ(reader->read(4, 4).pixels.sizes(), (std::vector<int64_t>{0, 32, 32, 3}));
  EXPECT_EQ(reader->read(20, 30).pixels.size(0), 0);
  EXPECT_THROW(reader->read(-1, 3), std::invalid_argument);
  EXPECT_THROW(reader->read(3, 1), std::invalid_argument);
}

TEST_P(RoundTripTest, FfprobeAgrees) {
  REEL_NEEDS_TOOLS();
  write_video(path(), {smooth_video(9, 48, 64)}, options());
  const nlohmann::json stream = probe(path());
  EXPECT_EQ(stream.at("codec_name"), GetParam().written_codec);
  EXPECT_EQ(stream.at("width"), 64);
  EXPECT_EQ(stream.at("height"), 48);
  EXPECT_EQ(stream.at("nb_read_frames"), "9");
  EXPECT_EQ(stream.at("pix_fmt"), GetParam().pixel_format);
  const std::string extension = GetParam().extension;
  if (extension != "gif") {  // whose delays are whole hundredths of a second
    EXPECT_EQ(stream.at("avg_frame_rate"), "15/2");
  }
  if (extension == "mp4" || extension == "webm") {
    EXPECT_EQ(stream.at("color_space"), "bt709");
    EXPECT_EQ(stream.at("color_range"), "tv");
    EXPECT_NEAR(std::stod(stream.at("format").at("duration").get<std::string>()), 9 / 7.5, 0.002);
  }
}

TEST_P(RoundTripTest, OneFrameIsAVideo) {
  const at::Tensor pixels = smooth_video(1, 48, 64);
  write_video(path(), {pixels}, options());
  const auto reader = VideoReader::open(path());
  EXPECT_EQ(reader->info().frames, 1);
  EXPECT_LT(mean_error(reader->read().pixels, pixels), GetParam().tolerance + 0.5);
  if (has_tools()) {
    EXPECT_EQ(probe(path()).at("nb_read_frames"), "1");
  }
}

TEST_P(RoundTripTest, SameFramesGiveSameBytes) {
  const at::Tensor pixels = smooth_video(30, 80, 96);
  WriteOptions with_tags = options();
  with_tags.metadata = {{"prompt", "a cat"}};
  write_video(path(), {pixels}, with_tags);
  const std::string first = read_file(path());
  with_tags.overwrite = true;
  for (int again = 0; again < 2; ++again) {
    write_video(path(), {pixels}, with_tags);
    EXPECT_EQ(read_file(path()) == first, true) << "try " << again;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, RoundTripTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

// Compared with ffmpeg's own conversion, so that writer and reader cannot be wrong in the same way.
TEST(VideoColourTest, PlayersShowTheRightColours) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const int colours[][3] = {{255, 0, 0}, {0, 255, 0},   {0, 0, 255},   {255, 255, 255},
                            {0, 0, 0},   {255, 255, 0}, {200, 100, 50}};
  at::Tensor pixels = at::empty({1, 32, 32 * 7, 3}, at::kByte);
  for (int i = 0; i < 7; ++i) {
    pixels.slice(2, 32 * i, 32 * i + 32)
        .copy_(at::tensor({colours[i][0], colours[i][1], colours[i][2]}).to(at::kByte));
  }
  const TemporaryFolder folder;
  for (const std::string name : {"a.mp4", "a.webm", "a.gif", "a.y4m"}) {
    const bool lossy = name == "a.mp4" || name == "a.webm";
    write_video(folder / name, {pixels}, {.crf = lossy ? 4 : -1});
    // swscale's fast path, which ffmpeg takes by itself, is off by several steps.
    const std::string shown =
        output_of("ffmpeg -v error -i " + folder / name +
                  " -vf scale=flags=accurate_rnd+full_chroma_int -f rawvideo -pix_fmt rgb24 -");
    ASSERT_EQ(shown.size(), static_cast<size_t>(pixels.numel())) << name;
    const at::Tensor by_ffmpeg = at::from_blob(const_cast<char*>(shown.data()), pixels.sizes(), at::kByte);
    const at::Tensor by_us = VideoReader::open(folder / name)->read().pixels;
    for (int i = 0; i < 7; ++i) {
      const auto middle = [&](const at::Tensor& all) {
        return all.slice(1, 8, 24).slice(2, 32 * i + 8, 32 * i + 24);
      };
      EXPECT_LE(largest_error(middle(by_ffmpeg), middle(pixels)), 3)
          << name << ", colour " << i << ", ffmpeg";
      EXPECT_LE(largest_error(middle(by_us), middle(pixels)), 3) << name << ", colour " << i << ", reel";
    }
  }
}

// Chroma that is sited wrongly shifts by a quarter of a pixel or more; then this ramp is off by 255/32/4 = 2.
TEST(VideoColourTest, ChromaStaysInPlace) {
  REEL_NEEDS_CODECS();
  at::Tensor pixels = at::full({1, 32, 64, 3}, 128, at::kByte);
  const at::Tensor ramp = (at::arange(64) * 4).to(at::kByte);
  pixels.select(3, 0).copy_(ramp.view({1, 1, 64}).expand({1, 32, 64}));
  pixels.select(3, 2).copy_((255 - ramp).view({1, 1, 64}).expand({1, 32, 64}));
  const TemporaryFolder folder;
  write_video(folder / "ramp.mp4", {pixels}, {.crf = 1});
  const at::Tensor read = VideoReader::open(folder / "ramp.mp4")->read().pixels;
  const at::Tensor off =
      (read.to(at::kDouble) - pixels.to(at::kDouble)).slice(1, 4, 28).slice(2, 4, 60).mean({0, 1, 2});
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(off[c].item<double>(), 0, 0.5) << "channel " << c;
}

TEST(VideoSizeTest, OddSizesArePaddedByRepetition) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  const at::Tensor pixels = smooth_video(3, 33, 51);
  for (const std::string name : {"a.mp4", "a.webm"}) {
    write_video(folder / name, {pixels}, {.crf = 4});
    const at::Tensor read = VideoReader::open(folder / name)->read().pixels;
    ASSERT_EQ(read.sizes(), (std::vector<int64_t>{3, 34, 52, 3})) << name;
    EXPECT_LT(mean_error(read.slice(1, 0, 33).slice(2, 0, 51), pixels), 1.5) << name;
    EXPECT_LT(mean_error(read.select(1, 33).slice(1, 0, 51), pixels.select(1, 32)), 3)
        << name << ", last row";
    EXPECT_LT(mean_error(read.select(2, 51).slice(1, 0, 33), pixels.select(2, 50)), 3)
        << name << ", last column";
  }
  for (const std::string name : {"a.gif", "a.y4m"}) {
    write_video(folder / name, {pixels}, {});
    EXPECT_EQ(VideoReader::open(folder / name)->read().pixels.sizes(), pixels.sizes()) << name;
  }
}

TEST(VideoSizeTest, TheSmallestFrameIsWritten) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  for (const std::string name : {"a.mp4", "a.webm", "a.gif", "a.y4m", "a.png"}) {
    write_video(folder / name, {at::full({1, 1, 1, 3}, 200, at::kByte)}, {});
    EXPECT_NEAR(VideoReader::open(folder / name)->read().pixels[0][0][0][0].item<int>(), 200, 3) << name;
  }
}

TEST(FrameRateTest, FractionsAreStoredExactly) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const std::pair<double, const char*> rates[] = {
      {7.5, "15/2"}, {29.97, "2997/100"}, {30000.0 / 1001, "30000/1001"},
      {24, "24/1"},  {0.5, "1/2"},        {23.976f, "2997/125"}};
  const TemporaryFolder folder;
  for (const auto& [fps, text] : rates) {
    for (const std::string name : {"a.mp4", "a.y4m"}) {
      write_video(folder / name, {smooth_video(5, 32, 32)}, {.fps = fps, .overwrite = true});
      EXPECT_EQ(probe(folder / name).at("avg_frame_rate"), std::string(text)) << name;
      EXPECT_NEAR(VideoReader::open(folder / name)->info().fps, fps, 1e-5) << name;
    }
    // Matroska stores nanoseconds a frame.
    write_video(folder / "a.webm", {smooth_video(5, 32, 32)}, {.fps = fps, .overwrite = true});
    EXPECT_NEAR(VideoReader::open(folder / "a.webm")->info().fps, fps, 1e-4 * fps);
  }
  EXPECT_THROW(check_output(folder / "b.mp4", {.fps = 0}), std::invalid_argument);
  EXPECT_THROW(check_output(folder / "b.mp4", {.fps = -8}), std::invalid_argument);
  EXPECT_THROW(check_output(folder / "b.mp4", {.fps = NAN}), std::invalid_argument);
  EXPECT_THROW(check_output(folder / "b.mp4", {.fps = 1e9}), std::invalid_argument);
}

TEST(Mp4Test, IndexStandsBeforeTheFrames) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  write_video(folder / "a.mp4", {smooth_video(10, 64, 64)}, {});
  const std::string bytes = read_file(folder / "a.mp4");
  std::vector<std::string> boxes;  // ISO/IEC 14496-12: a big-endian length and a type
  for (size_t at = 0; at + 8 <= bytes.size();) {
    size_t length = 0;
    for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<uint8_t>(bytes[at + i]);
    boxes.push_back(bytes.substr(at + 4, 4));
    ASSERT_GE(length, 8u);
    at += length;
  }
  const auto place = [&](const char* type) {
    return std::find(boxes.begin(), boxes.end(), type) - boxes.begin();
  };
  EXPECT_EQ(place("ftyp"), 0);
  EXPECT_LT(place("moov"), place("mdat"));
  EXPECT_LT(place("mdat"), static_cast<int64_t>(boxes.size()));
}

TEST(MetadataTest, TagsComeBackExactly) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  std::string large = "{\"nodes\": [";
  while (large.size() < 100'000) large += "{\"class_type\": \"KSampler\", \"inputs\": {\"seed\": 1}}, ";
  const std::map<std::string, std::string> tags = {{"prompt", "a cat; 猫 \"quoted\" 🐈\nsecond line = \\"},
                                                   {"workflow", large},
                                                   {"reel", "{\"seed\": 18446744073709551615}"},
                                                   {"x", " spaces around "}};
  const TemporaryFolder folder;
  for (const std::string name : {"a.mp4", "a.webm", "a.png"}) {
    write_video(folder / name, {smooth_video(1, 32, 32)}, {.metadata = tags});
    EXPECT_TRUE(VideoReader::open(folder / name)->metadata() == tags) << name;  // too long to be printed
  }
  // For other programs: the same names and values through ffprobe.
  const nlohmann::json others = probe(folder / "a.mp4").at("format").at("tags");
  EXPECT_EQ(others.at("prompt"), tags.at("prompt"));
  EXPECT_TRUE(others.at("workflow") == large);
}

TEST(MetadataTest, FilesWithoutTagsHaveNone) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  for (const std::string name : {"a.mp4", "a.webm", "a.gif", "a.y4m", "a.png"}) {
    write_video(folder / name, {smooth_video(1, 32, 32)}, {});
    EXPECT_TRUE(VideoReader::open(folder / name)->metadata().empty()) << name;
  }
}

TEST(MetadataTest, NamesThatWouldChangeAreRefused) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  const auto refuse = [&](const std::string& file, const std::string& key, const std::string& value) {
    return error_of<std::invalid_argument>([&] {
      check_output(folder / file, {.metadata = {{key, value}}});
    });
  };
  EXPECT_THAT(refuse("a.webm", "Prompt", "x"), ::testing::HasSubstr("lower-case"));
  EXPECT_EQ(refuse("a.mp4", "Prompt", "x"), "");
  EXPECT_THAT(refuse("a.mp4", "", "x"), ::testing::HasSubstr("tag name"));
  EXPECT_THAT(refuse("a.png", std::string(80, 'k'), "x"), ::testing::HasSubstr("tag name"));
  EXPECT_THAT(refuse("a.mp4", "prompt", bytes("a\0b")), ::testing::HasSubstr("NUL"));
}

TEST(GifTest, FewColoursAreKeptExactly) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  at::Tensor pixels = at::zeros({4, 16, 16, 3}, at::kByte);  // 256 colours, none of them a multiple of 8
  for (int64_t f = 0; f < 4; ++f) {
    const at::Tensor value = ((at::arange(256) + 64 * f) % 256).view({16, 16});
    pixels[f].select(2, 0).copy_(value);
    pixels[f].select(2, 1).copy_(255 - value);
    pixels[f].select(2, 2).copy_((value * 7) % 256);
  }
  write_video(folder / "a.gif", {pixels}, {});
  EXPECT_TRUE(at::equal(VideoReader::open(folder / "a.gif")->read().pixels, pixels));
}

TEST(GifTest, PlaysForEverAtTheRightPace) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const TemporaryFolder folder;
  write_video(folder / "a.gif", {smooth_video(24, 16, 16)}, {.fps = 7});  // 14.29 hundredths a frame
  const std::string content = read_file(folder / "a.gif");
  const size_t loop = content.find("NETSCAPE2.0");
  ASSERT_NE(loop, std::string::npos);
  EXPECT_EQ(content.substr(loop + 11, 5), bytes("\x03\x01\x00\x00\x00")) << "0: without end";
  EXPECT_NEAR(VideoReader::open(folder / "a.gif")->info().fps, 7, 0.03);
  const nlohmann::json packets = nlohmann::json::parse(
      output_of("ffprobe -v error -show_packets -of json " + folder / "a.gif"))["packets"];
  ASSERT_EQ(packets.size(), 24u);
  for (size_t i = 0; i < packets.size(); ++i) {
    EXPECT_EQ(packets[i].at("pts"), std::lround(static_cast<double>(i) * 100 / 7))
        << "the error never adds up";
  }
  EXPECT_NEAR(packets.back().at("duration").get<int>(), 14, 1) << "the last frame lasts, too";
}

TEST(PngTest, SequencesCountFromOneAndAreExact) {
  REEL_NEEDS_CODECS();
  REEL_NEEDS_TOOLS();
  const TemporaryFolder folder;
  const at::Tensor pixels = at::randint(0, 256, {3, 7, 5, 3}, at::kByte);
  write_video(folder / "frame_%03d.png", {pixels}, {.metadata = {{"prompt", "noise"}}});
  EXPECT_EQ(names_in(folder.path()),
            (std::vector<std::string>{"frame_001.png", "frame_002.png", "frame_003.png"}));
  for (int64_t i = 0; i < 3; ++i) {
    const auto reader = VideoReader::open(folder / ("frame_00" + std::to_string(i + 1) + ".png"));
    EXPECT_TRUE(at::equal(reader->read().pixels[0], pixels[i])) << i;
    EXPECT_EQ(reader->info().format, "png");
    EXPECT_EQ(reader->info().frames, 1);
    EXPECT_EQ(reader->metadata(), (std::map<std::string, std::string>{{"prompt", "noise"}}));
  }
  EXPECT_EQ(probe(folder / "frame_001.png").at("codec_name"), "png");
}

TEST(QuietTest, LibrariesPrintNothing) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  ::testing::internal::CaptureStderr();
  for (const auto& [name, codec] : {std::pair<std::string, std::string>{"a.mp4", "h264"},
                                    {"b.mp4", "h265"},
                                    {"c.mp4", "av1"},
                                    {"d.webm", "vp9"},
                                    {"e.gif", ""},
                                    {"f.png", ""}}) {
    write_video(folder / name, {smooth_video(1, 32, 32)}, {.codec = codec});
    VideoReader::open(folder / name)->read();
    const std::string bytes = read_file(folder / name);
    write_file(folder / "broken", bytes.substr(0, bytes.size() / 2));
    EXPECT_NE(error_of([&] { VideoReader::open(folder / "broken")->read(); }), "") << name;
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace reel::media::round_trip_test
