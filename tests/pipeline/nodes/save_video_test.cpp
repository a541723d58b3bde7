// SaveVideo and WriteVideo: where the file goes, what is in it and what is said of it.
#include <gmock/gmock.h>

#include "tests/pipeline/media/media_testing.h"
#include "tests/pipeline/nodes/node_testing.h"

namespace reel::pipeline::save_video_test {

namespace fs = std::filesystem;
using media::has_codecs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Works in a folder of its own, as SaveVideo writes below the current one.
class SaveVideoTest : public testing::Test {
 protected:
  SaveVideoTest() {
    fs::current_path(folder_.path());
    bench_.context.graph_json = R"({"1": "the graph"})";
    bench_.context.recipe_json = R"({"reel": "more"})";
  }
  ~SaveVideoTest() override { fs::current_path(before_); }

  static media::Frames video(int64_t frames = 2, double fps = 12) {
    return {media::smooth_video(frames, 16, 32), fps};
  }
  std::string save(NodeBench::Given given) {
    given.emplace("video", video());
    given.emplace("format", "y4m");
    return bench_.get<std::string>("SaveVideo", given);
  }
  NodeBench::Given named(const std::string& file, NodeBench::Given given = {}) {
    given.emplace("video", video());
    given["path"] = folder_ / file;
    return given;
  }
  std::string write(const std::string& file, const NodeBench::Given& given = {}) {
    return bench_.get<std::string>("WriteVideo", named(file, given));
  }

  const fs::path before_ = fs::current_path();
  TemporaryFolder folder_;
  NodeBench bench_;
};

TEST_F(SaveVideoTest, BothDeclare) {
  EXPECT_THAT(bench_.sockets("SaveVideo"),
              ElementsAre("video: VIDEO", "filename_prefix: STRING = video/reel",
                          "format: COMBO = auto of auto|mp4|webm|gif|y4m",
                          "codec: COMBO = auto of auto|h264|h265|vp9|av1", "-> STRING, file"));
  EXPECT_THAT(
      bench_.sockets("WriteVideo"),
      ElementsAre("video: VIDEO", "path: STRING", "codec: STRING = ", "crf: INT = -1 in -1 to 63",
                  "overwrite: BOOLEAN = false, permission", "recipe: BOOLEAN = true", "-> STRING, file"));
  EXPECT_TRUE(bench_.node("SaveVideo").sink && bench_.node("WriteVideo").sink);
}

TEST_F(SaveVideoTest, CountsUpFromTheFirstFreeNumber) {
  EXPECT_EQ(save({}), "output/video/reel_00001_.y4m");
  EXPECT_EQ(save({}), "output/video/reel_00002_.y4m");
  EXPECT_EQ(save({{"filename_prefix", "fox"}}), "output/fox_00001_.y4m");
  fs::remove("output/video/reel_00001_.y4m");
  EXPECT_EQ(save({}), "output/video/reel_00001_.y4m");
  EXPECT_EQ(bench_.report.facts.at("path"), "output/video/reel_00001_.y4m");
  EXPECT_THAT(media::names_in("output/video"), ElementsAre("reel_00001_.y4m", "reel_00002_.y4m"));
}

TEST_F(SaveVideoTest, TheFileHasTheFramesAndTheirRate) {
  for (const std::string& path : {save({}), write("a.y4m")}) {
    const auto reader = media::VideoReader::open(path);
    EXPECT_EQ(reader->info().fps, 12);
    const media::Frames frames = reader->read();
    ASSERT_EQ(frames.pixels.sizes(), video().pixels.sizes());
    EXPECT_LT(media::mean_error(frames.pixels, video().pixels), 2);
  }
}

TEST_F(SaveVideoTest, StaysWithinTheOutputFolder) {
  for (const std::string prefix : {"../fox", "a/../../fox", "/tmp/fox"}) {
    EXPECT_THAT(
        bench_.refusal("SaveVideo", {{"video", video()}, {"filename_prefix", prefix}}),
        testing::HasSubstr("got '" + prefix + "', which leads elsewhere; use WriteVideo for other places"));
  }
  EXPECT_THAT(media::names_in(folder_.path()), IsEmpty());
}

TEST_F(SaveVideoTest, AutoIsMp4InTheFormatsUsualCodec) {
  REEL_NEEDS_CODECS();
  const std::string mp4 = save({{"format", "auto"}}), webm = save({{"format", "webm"}});
  EXPECT_EQ(mp4, "output/video/reel_00001_.mp4");
  EXPECT_EQ(media::VideoReader::open(mp4)->info().codec, "h264");
  EXPECT_EQ(webm, "output/video/reel_00001_.webm");
  EXPECT_EQ(media::VideoReader::open(webm)->info().codec, "vp9");
  EXPECT_EQ(media::VideoReader::open(save({{"format", "mp4"}, {"codec", "vp9"}}))->info().codec, "vp9");
}

TEST_F(SaveVideoTest, TheFileSaysHowItWasMade) {
  REEL_NEEDS_CODECS();
  for (const std::string& path : {save({{"format", "mp4"}}), write("a.mp4")}) {
    const auto tags = media::VideoReader::open(path)->metadata();
    EXPECT_EQ(tags.at("prompt"), R"({"1": "the graph"})");
    EXPECT_EQ(tags.at("reel"), R"({"reel": "more"})");
    EXPECT_EQ(tags.at("reel_node"), "7");
    EXPECT_EQ(tags.at("reel_frames"), bench_.report.facts.at("frames_sha256"));
  }
  const auto silent = media::VideoReader::open(write("b.mp4", {{"recipe", false}}))->metadata();
  EXPECT_EQ(silent.count("prompt") + silent.count("reel") + silent.count("reel_frames"), 0U);
}

TEST_F(SaveVideoTest, TheDigestIsThatOfTheFramesAndTheirShape) {
  const auto digest = [&](const at::Tensor& pixels, double fps = 8) {
    write("a.y4m", {{"video", media::Frames{pixels, fps}}, {"overwrite", true}});
    return bench_.report.facts.at("frames_sha256");
  };
  const at::Tensor pixels = media::smooth_video(2, 4, 8);
  EXPECT_EQ(digest(pixels).size(), 64U);
  EXPECT_EQ(digest(pixels), digest(pixels.clone(), 25)) << "what is to be seen counts";
  EXPECT_NE(digest(pixels), digest(pixels.view({2, 8, 4, 3})));
  EXPECT_NE(digest(pixels), digest(pixels.flip(0).contiguous()));
}

TEST_F(SaveVideoTest, WriteVideoWritesExactlyTheNamedFile) {
  EXPECT_EQ(write("fox.y4m"), folder_ / "fox.y4m");
  EXPECT_EQ(bench_.report.facts.at("path"), folder_ / "fox.y4m");
  EXPECT_THAT(media::names_in(folder_.path()), ElementsAre("fox.y4m"));
  EXPECT_NE(bench_.refusal("WriteVideo", named("fox.y5m")), "") << "a format that there is not";
}

TEST_F(SaveVideoTest, WriteVideoKeepsAnExistingFileUnlessPermitted) {
  write_file(folder_ / "fox.y4m", "precious");
  EXPECT_THAT(bench_.refusal<std::runtime_error>("WriteVideo", named("fox.y4m")), HasSubstr("fox.y4m"));
  EXPECT_EQ(read_file(folder_ / "fox.y4m"), "precious");
  write("fox.y4m", {{"overwrite", true}});
  EXPECT_NE(read_file(folder_ / "fox.y4m"), "precious");
}

TEST_F(SaveVideoTest, APictureIsTheFrameBitForBit) {
  REEL_NEEDS_CODECS();
  const media::Frames one = video(1);
  EXPECT_TRUE(
      at::equal(media::VideoReader::open(write("a.png", {{"video", one}}))->read().pixels, one.pixels));
}

TEST_F(SaveVideoTest, WriteVideoPassesCodecAndQualityOn) {
  REEL_NEEDS_CODECS();
  const media::Frames noise{waves({4, 64, 64, 3}).mul(90).add(128).to(at::kByte), 8};
  const auto bytes = [&](const std::string& file, int64_t crf) {
    return fs::file_size(write(file, {{"video", noise}, {"crf", crf}}));
  };
  EXPECT_GT(bytes("good.mp4", 10), bytes("coarse.mp4", 45));
  EXPECT_EQ(media::VideoReader::open(write("a.mp4", {{"codec", "vp9"}}))->info().codec, "vp9");
  EXPECT_THAT(bench_.refusal("WriteVideo", named("b.mp4", {{"codec", "h999"}})), HasSubstr("h999"));
}

TEST_F(SaveVideoTest, CountsFramesAndLeavesNothingBehindWhenStopped) {
  std::atomic<bool> cancel = false;
  std::vector<int64_t> done;
  bench_.context.stop = &cancel;
  bench_.on_step([&](const Stepped& progress) {
    EXPECT_EQ(progress.all, 3);
    done.push_back(progress.done);
  });
  write("a.y4m", {{"video", video(3)}});
  EXPECT_EQ(done.back(), 3);
  bench_.on_step([&](const Stepped& progress) { cancel = progress.done >= 1; });
  EXPECT_THROW(write("b.y4m", {{"video", video(3)}}), Cancelled);
  EXPECT_THAT(media::names_in(folder_.path()), ElementsAre("a.y4m"));
}

}  // namespace reel::pipeline::save_video_test
