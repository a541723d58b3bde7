// What is refused, and what is left on the disk when something goes wrong. Long because failures are many and
// their set-up is one.
#include "pipeline/media/video_writer.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pipeline/media/media_testing.h"

namespace reel::media::video_writer_test {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal(const std::string& path, const WriteOptions& options = {}) {
  return error_of<std::invalid_argument>([&] { check_output(path, options); });
}
std::string failure(const std::string& path, const WriteOptions& options = {}) {
  const std::string checked = error_of([&] { check_output(path, options); });
  EXPECT_EQ(error_of([&] { VideoWriter::create(path, options); }), checked) << "both say the same";
  return checked;
}

TEST(CheckOutputTest, UnknownExtensionsNameTheNearest) {
  EXPECT_THAT(refusal("/tmp/a.mp5"), AllOf(HasSubstr("[/tmp/a.mp5]"), HasSubstr("did you mean '.mp4'")));
  EXPECT_THAT(refusal("a.wbm"), HasSubstr("'.webm'"));
  EXPECT_THAT(refusal("a.docx"), HasSubstr(".mp4, .webm, .gif, .y4m, .png"));
  EXPECT_THAT(refusal("a"), HasSubstr("no extension"));
  EXPECT_THAT(refusal(""), HasSubstr("no extension"));
  EXPECT_THAT(refusal(".mp4"), HasSubstr("no extension"));
}

TEST(CheckOutputTest, CodecsAreCheckedAgainstTheContainer) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  EXPECT_THAT(refusal(folder / "a.mp4", {.codec = "h254"}), HasSubstr("use h264"));
  EXPECT_THAT(refusal(folder / "a.webm", {.codec = "h264"}), HasSubstr("use vp9"));
  EXPECT_THAT(refusal(folder / "a.gif", {.codec = "vp9"}), HasSubstr("use gif"));
  EXPECT_THAT(refusal(folder / "a.mp4", {.codec = "prores"}), HasSubstr("h264, hevc, av1, vp9"));
  for (const char* codec : {"H264", "h265", "hevc", "libx264", "av1", "vp9"}) {
    EXPECT_EQ(refusal(folder / "A.MP4", {.codec = codec}), "") << codec;
  }
}

TEST(CheckOutputTest, QualityIsCheckedAgainstTheCodec) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  EXPECT_THAT(refusal(folder / "a.mp4", {.crf = 52}), HasSubstr("0 (best) to 51"));
  EXPECT_EQ(refusal(folder / "a.webm", {.crf = 52}), "");
  EXPECT_THAT(refusal(folder / "a.webm", {.crf = 64}), HasSubstr("0 (best) to 63"));
  EXPECT_THAT(refusal(folder / "a.mp4", {.crf = -2}), HasSubstr("got -2"));
  EXPECT_THAT(refusal(folder / "a.gif", {.crf = 20}), HasSubstr("leave crf out"));
  EXPECT_THAT(refusal(folder / "a.gif", {.fps = 60}), HasSubstr("50"));
}

TEST(CheckOutputTest, PatternsHaveExactlyOneNumber) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  for (const char* name : {"a_%d.png", "%d.png", "a_%05d_b.png"})
    EXPECT_EQ(refusal(folder / name), "") << name;
  for (const char* name :
       {"a_%s.png", "a_%.png", "%d_%d.png", "%5d.png", "%05.png", "%%.png", "%0d.png", "%012d.png"}) {
    EXPECT_THAT(refusal(folder / name), HasSubstr("exactly one %d")) << name;
  }
  EXPECT_THAT(refusal(folder / "a.png", {.frames = 2}), HasSubstr("pattern"));
  EXPECT_EQ(refusal(folder / "a.png", {.frames = 1}), "");
}

TEST(CheckOutputTest, FoldersAndNamesAreChecked) {
  const TemporaryFolder folder;
  EXPECT_THAT(failure(folder / "none/a.y4m"), AllOf(HasSubstr("none/a.y4m]"), HasSubstr("mkdir")));
  write_file(folder / "old.y4m", "keep me");
  EXPECT_THAT(failure(folder / "old.y4m"), AllOf(HasSubstr("exists"), HasSubstr("-y")));
  EXPECT_EQ(error_of([&] { check_output(folder / "old.y4m", {.overwrite = true}); }), "");
  std::filesystem::create_directory(folder / "folder.y4m");
  EXPECT_THAT(failure(folder / "folder.y4m", {.overwrite = true}), HasSubstr("folder of that name"));
  std::filesystem::create_symlink("/dev/null", folder / "null.y4m");
  EXPECT_THAT(failure(folder / "null.y4m", {.overwrite = true}), HasSubstr("regular file"));
  EXPECT_THAT(failure(folder / "old.y4m/a.y4m"), HasSubstr("old.y4m"));
  EXPECT_EQ(read_file(folder / "old.y4m"), "keep me");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("folder.y4m", "null.y4m", "old.y4m"));
}

TEST(CheckOutputTest, FoldersWithoutRightsAreNamed) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path(),
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_THAT(failure(folder / "a.y4m"), HasSubstr("Permission denied"));
}

TEST(VideoWriterTest, DisksThatTakeNoFilesAreNamed) {
  EXPECT_THAT(error_of([] { VideoWriter::create("/proc/a.y4m", {}); }),
              AllOf(HasSubstr("[/proc/a.y4m]"), HasSubstr("choose another folder")));
}

TEST(VideoWriterTest, TheEncodersRefusalIsPassedOn) {
  REEL_NEEDS_CODECS();
  if (error_of([] { check_output("a.mp4", {.codec = "hevc", .overwrite = true}); }) != "")
    GTEST_SKIP() << "no H.265 encoder";
  const TemporaryFolder folder;
  EXPECT_THAT(
      error_of([&] { write_video(folder / "a.mp4", {smooth_video(1, 8, 8)}, {.codec = "hevc"}); }),
      AllOf(HasSubstr("a.mp4] encoding as hevc failed: Image size is too small"), HasSubstr("another size")));
  EXPECT_THAT(names_in(folder.path()), IsEmpty());
}

TEST(CheckOutputTest, AnySequenceMemberCountsAsExisting) {
  REEL_NEEDS_CODECS();
  const TemporaryFolder folder;
  write_file(folder / "a_00007.png", "keep me");
  EXPECT_THAT(failure(folder / "a_%05d.png"), HasSubstr("a_00007.png"));
  EXPECT_EQ(error_of([&] { check_output(folder / "b_%05d.png", {}); }), "");
  write_video(folder / "a_%05d.png", {smooth_video(1, 8, 8)}, {.overwrite = true});
  EXPECT_THAT(names_in(folder.path()), ElementsAre("a_00001.png", "a_00007.png"));
  EXPECT_EQ(read_file(folder / "a_00007.png"), "keep me");
}

TEST(OutputFormatsTest, ListsWhatCanBeWritten) {
  const auto formats = output_formats();
  EXPECT_EQ(formats.at("y4m"), "rawvideo");
  const TemporaryFolder folder;
  for (const auto& [extension, codec] : formats) {
    write_video(folder / ("a." + extension), {smooth_video(1, 16, 16)}, {.codec = codec});
    EXPECT_EQ(VideoReader::open(folder / ("a." + extension))->info().codec, codec);
  }
}

TEST(OutputFormatsTest, WithoutLibrariesTheWayOutIsNamed) {
  if (has_codecs()) GTEST_SKIP() << "built with FFmpeg and OpenCV";
  const TemporaryFolder folder;
  EXPECT_THAT(failure(folder / "a.mp4"), AllOf(HasSubstr(".y4m"), HasSubstr("REEL_WITH_MEDIA")));
  write_file(folder / "b.mp4", "something");
  EXPECT_THAT(error_of([&] { VideoReader::open(folder / "b.mp4"); }), HasSubstr("REEL_WITH_MEDIA"));
}

class AllFormatsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() != std::string("a.y4m")) REEL_NEEDS_CODECS();
  }
  std::string path() const { return folder_ / GetParam(); }
  // What a reader would see; hidden temporaries not counted.
  std::vector<std::string> visible() const {
    std::vector<std::string> names = names_in(folder_.path());
    std::erase_if(names, [](const std::string& name) { return name[0] == '.'; });
    return names;
  }
  TemporaryFolder folder_;
};

TEST_P(AllFormatsTest, NothingIsLeftWithoutFinish) {
  {
    const auto writer = VideoWriter::create(path(), {});
    writer->write(smooth_video(1, 16, 16)[0]);
    EXPECT_THAT(visible(), IsEmpty());
    EXPECT_EQ(names_in(folder_.path()).size(), 1u) << "the temporary stands beside the target";
    EXPECT_EQ(writer->path(), path());
  }
  EXPECT_THAT(names_in(folder_.path()), IsEmpty());
}

TEST_P(AllFormatsTest, BadFramesAreRefusedAndGoodOnesStillTaken) {
  const auto writer = VideoWriter::create(path(), {});
  const at::Tensor good = smooth_video(1, 16, 16)[0];
  const auto refused = [&](const at::Tensor& frame) {
    return error_of<std::invalid_argument>([&] { writer->write(frame); });
  };
  EXPECT_THAT(error_of<std::invalid_argument>([&] { writer->finish(); }), HasSubstr("at least one frame"));
  EXPECT_THAT(refused({}), HasSubstr("undefined"));
  EXPECT_THAT(refused(good.to(at::kFloat)), HasSubstr("uint8 [H, W, 3]"));
  EXPECT_THAT(refused(good.permute({2, 0, 1})), HasSubstr("[3, 16, 16]"));
  EXPECT_THAT(refused(good.slice(0, 0, 0)), HasSubstr("uint8 [H, W, 3]"));
  writer->write(good.flip({1}).transpose(0, 1));  // not contiguous: taken as it is seen
  const at::Tensor other = smooth_video(1, 18, 16)[0];
  EXPECT_THAT(refused(other), AllOf(HasSubstr("16x16"), HasSubstr("16x18")));
  writer->finish();
  EXPECT_THAT(error_of<std::invalid_argument>([&] { writer->finish(); }), HasSubstr("after finish()"));
  EXPECT_THAT(refused(good), HasSubstr("after finish()"));
  EXPECT_EQ(visible().size(), 1u);
}

TEST_P(AllFormatsTest, CancellingLeavesNothing) {
  WriteOptions options;
  EXPECT_THROW(
      write_video(path(), {smooth_video(std::string(GetParam()) == "a.png" ? 1 : 4, 16, 16)}, options,
                  [](int64_t done, int64_t all) {
                    if (done == std::min<int64_t>(2, all)) throw std::logic_error("cancelled");
                  }),
      std::logic_error);
  EXPECT_THAT(names_in(folder_.path()), IsEmpty());
}

TEST_P(AllFormatsTest, OverwritingReplacesOnlyAtTheEnd) {
  const std::string first_name = GetParam() == std::string("a_%02d.png") ? "a_01.png" : GetParam();
  write_file(folder_ / first_name, "old");
  EXPECT_THAT(error_of([&] { write_video(path(), {smooth_video(1, 16, 16)}, {}); }), HasSubstr("exists"));
  const auto writer = VideoWriter::create(path(), {.overwrite = true});
  writer->write(smooth_video(1, 16, 16)[0]);
  EXPECT_EQ(read_file(folder_ / first_name), "old");
  writer->finish();
  EXPECT_EQ(VideoReader::open(folder_ / first_name)->info().width, 16);
  EXPECT_EQ(names_in(folder_.path()).size(), 1u);
}

TEST_P(AllFormatsTest, ANameThatAppearsMeanwhileIsLeftAlone) {
  const std::string first_name = GetParam() == std::string("a_%02d.png") ? "a_01.png" : GetParam();
  const auto writer = VideoWriter::create(path(), {});
  writer->write(smooth_video(1, 16, 16)[0]);
  write_file(folder_ / first_name, "newer");
  EXPECT_THAT(error_of([&] { writer->finish(); }), HasSubstr("exists"));
  EXPECT_EQ(read_file(folder_ / first_name), "newer");
}

// A full disk, portably: a limit on the size of files, in a process of its own.
void write_with_little_room(const std::string& path, const std::filesystem::path& folder) {
  const rlimit limit{2000, 2000};
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, SIG_IGN);
  const int64_t frames = path.ends_with("a.png") ? 1 : 10;
  const at::Tensor noise = at::randint(0, 256, {frames, 64, 64, 3}, at::kByte);  // does not compress
  const std::string text = error_of([&] { write_video(path, {noise}, {}); });
  fprintf(stderr, "%s", text.c_str());
  exit(names_in(folder).empty() ? 0 : 1);
}

TEST_P(AllFormatsTest, AFullDiskIsReportedAndLeavesNothing) {
  EXPECT_EXIT(write_with_little_room(path(), folder_.path()), ::testing::ExitedWithCode(0),
              "File too large; raise the limit");
}

void write_and_die(const std::string& path) {
  const auto writer = VideoWriter::create(path, {});
  writer->write(smooth_video(1, 16, 16)[0]);
  raise(SIGKILL);
}

TEST_P(AllFormatsTest, AKilledWriterLeavesOnlyAHiddenPartThatTheNextOneRemoves) {
  EXPECT_EXIT(write_and_die(path()), ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_THAT(visible(), IsEmpty());
  ASSERT_EQ(names_in(folder_.path()).size(), 1u);
  EXPECT_THAT(names_in(folder_.path())[0], ::testing::MatchesRegex("\\.a.*\\.[0-9]+-[0-9]+\\.part"));
  write_video(path(), {smooth_video(1, 16, 16)}, {});
  EXPECT_EQ(names_in(folder_.path()).size(), 1u);
  EXPECT_EQ(visible().size(), 1u);
}

TEST_P(AllFormatsTest, TwoWritersOfOneNameDoNotDisturbEachOther) {
  const auto first = VideoWriter::create(path(), {});
  first->write(smooth_video(1, 16, 16)[0]);
  const auto second = VideoWriter::create(path(), {});
  second->write(smooth_video(1, 32, 32)[0]);
  EXPECT_EQ(names_in(folder_.path()).size(), 2u);
  first->finish();
  EXPECT_THAT(error_of([&] { second->finish(); }), HasSubstr("exists"));
}

INSTANTIATE_TEST_SUITE_P(Formats, AllFormatsTest,
                         ::testing::Values("a.mp4", "a.webm", "a.gif", "a.y4m", "a.png", "a_%02d.png"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name, [](unsigned char c) { return !std::isalnum(c); });
                           return name;
                         });

TEST(PartFileTest, OnlyLeftOversOfTheDeadAndOfTheSameTargetAreRemoved) {
  const TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  const std::string dead = std::to_string(child), living = std::to_string(getppid());
  write_file(folder / (".a.y4m." + dead + "-0.part"), "removed");
  write_file(folder / (".a.y4m." + living + "-0.part"), "kept: its process lives");
  write_file(folder / (".b.y4m." + dead + "-0.part"), "kept: another target");
  write_file(folder / (".a.y4m." + dead + ".part"), "kept: not our form");
  write_file(folder / (".a.y4m." + dead + "-0.part.txt"), "kept: not our form");
  write_video(folder / "a.y4m", {smooth_video(1, 8, 8)}, {});
  EXPECT_THAT(
      names_in(folder.path()),
      ::testing::UnorderedElementsAre("a.y4m", ".a.y4m." + living + "-0.part", ".b.y4m." + dead + "-0.part",
                                      ".a.y4m." + dead + ".part", ".a.y4m." + dead + "-0.part.txt"));
}

TEST(PartFileTest, OverwritingALinkReplacesTheFileBehindIt) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "other");
  write_file(folder / "other/real.y4m", "old");
  std::filesystem::create_symlink("other/real.y4m", folder / "link.y4m");
  write_video(folder / "link.y4m", {smooth_video(1, 8, 8)}, {.overwrite = true});
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.y4m"));
  EXPECT_EQ(VideoReader::open(folder / "other/real.y4m")->info().frames, 1);
}

TEST(WriteVideoTest, ReportsProgress) {
  const TemporaryFolder folder;
  std::vector<int64_t> seen;
  write_video(folder / "a.y4m", {smooth_video(3, 8, 8)}, {}, [&](int64_t done, int64_t all) {
    EXPECT_EQ(all, 3);
    seen.push_back(done);
  });
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_THROW(write_video(folder / "b.y4m", {at::zeros({8, 8, 3}, at::kByte)}, {}), std::invalid_argument);
  EXPECT_THROW(write_video(folder / "b.y4m", {at::zeros({0, 8, 8, 3}, at::kByte)}, {}),
               std::invalid_argument);
}

}  // namespace reel::media::video_writer_test
