// Pictures that are cut, corrupt, huge or none at all: one sentence each, soon, in little memory, and not a word from the
// libraries.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <set>

#include "pipeline/media/pictures/picture_reader.h"
#include "pipeline/media/stills/read_picture.h"
#include "tests/pipeline/media/media_testing.h"
#include "tests/support/malformed_pictures.h"

namespace reel::media::bad_pictures_test {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMeasured = false;
#else
constexpr bool kMeasured = true;
#endif

/// A line "VmHWM:  12 kB" of this process's status, in MiB.
int64_t status_mib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t value = 0;
    if (word == name + ":" && status >> value) return value >> 10;
  }
  return 0;
}

/// Starts a new peak. False: this system has none.
bool forget_peak() {
  std::ofstream reset("/proc/self/clear_refs");
  reset << "5" << std::flush;
  return static_cast<bool>(reset);
}

class BadPictureTest : public testing::TestWithParam<MalformedFile> {};

TEST_P(BadPictureTest, IsRefusedInOneSentence) {
  const MalformedFile& file = GetParam();
  if (!can_read_pictures() && file.message != "is empty") GTEST_SKIP() << "this build reads few kinds";
  const TemporaryFolder folder;
  const std::string path = folder / "a.picture";
  write_file(path, file.bytes);
  const bool peaks = forget_peak();
  const int64_t before = status_mib("VmRSS");
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const auto start = std::chrono::steady_clock::now();
  const std::string message = error_of([&] { read_picture(path); });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_THAT(message, StartsWith("[" + path + "] "));
  EXPECT_THAT(message, HasSubstr(file.message));
  EXPECT_THAT(message, HasSubstr("; ")) << "a way out";
  EXPECT_LT(message.size(), path.size() + 300);
  for (const char c : message) EXPECT_GE(static_cast<unsigned char>(c), ' ') << message;
  if (kMeasured) {
    EXPECT_LE(seconds.count(), 2);
  }
  if (kMeasured && peaks) {
    EXPECT_LE(status_mib("VmHWM") - before, 330);
  }
}

std::vector<MalformedFile> all_of_them() {
  std::vector<MalformedFile> all;
  for (const auto& some : {pictures_that_are_cut(), pictures_that_are_huge(), pictures_that_are_corrupt(),
                           files_that_are_no_pictures()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

INSTANTIATE_TEST_SUITE_P(Files, BadPictureTest, testing::ValuesIn(all_of_them()), [](const auto& info) {
  std::string name;
  for (const char c : info.param.name) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

TEST(BadPicturesTest, AreManyKinds) {
  const std::vector<MalformedFile> all = all_of_them();
  std::set<std::string> contents;
  for (const MalformedFile& file : all) contents.insert(file.bytes);
  EXPECT_GE(contents.size(), 160U);
}

TEST(BadPicturesTest, WhatIsNoFileIsNamed) {
  const TemporaryFolder folder;
  const auto refusal = [](const std::string& path) { return error_of([&] { read_picture(path); }); };
  EXPECT_THAT(refusal(folder / "none"), HasSubstr("does not exist"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("got a folder"));
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal(folder / "pipe"), HasSubstr("got a pipe"));
  EXPECT_THAT(refusal("/dev/zero"), HasSubstr("got a device"));
  std::filesystem::create_symlink(folder / "loop", folder / "loop");
  EXPECT_THAT(refusal(folder / "loop"), HasSubstr("cannot be opened"));
  std::filesystem::create_symlink(folder / "gone", folder / "link");
  EXPECT_THAT(refusal(folder / "link"), HasSubstr("does not exist"));
  write_file(folder / "large.jpg", "\xff\xd8\xff");
  std::filesystem::resize_file(folder / "large.jpg", uint64_t{1} << 40);
  EXPECT_THAT(refusal(folder / "large.jpg"), HasSubstr("more than 160 MiB"));
}

/// Pictures that are sound, whatever stands beside their pixels.
TEST(BadPicturesTest, HostilePartsBesideThePixelsCostLittle) {
  REEL_NEEDS_CODECS();
  using namespace picture_bytes;
  const TemporaryFolder folder;
  const std::string bomb = zeros_packed(100'000'000);
  const std::pair<const char*, std::string> files[] = {
      {"texts", black_png(5, 4, repeated(chunk("zTXt", "key" + raw("\0\0") + bomb), 40))},
      {"profile", black_png(5, 4, chunk("iCCP", "key" + raw("\0\0") + bomb))},
      {"many", black_png(5, 4, repeated(chunk("prVt", ""), 300'000))},
      {"exif", black_png(5, 4, chunk("eXIf", raw("II*\0\xff\xff\xff\xff")))},
      {"endless exif",
       black_png(5, 4, chunk("eXIf", raw("II*\0\x08\0\0\0\xff\xff") + std::string(900, '\x12')))},
  };
  for (const auto& [name, bytes] : files) {
    write_file(folder / name, bytes);
    const bool peaks = forget_peak();
    const int64_t before = status_mib("VmRSS");
    const auto start = std::chrono::steady_clock::now();
    testing::internal::CaptureStderr();
    EXPECT_EQ(read_picture(folder / name).sizes(), at::IntArrayRef({4, 5, 3})) << name;
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << name;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (kMeasured) {
      EXPECT_LE(seconds.count(), 2) << name;
    }
    if (kMeasured && peaks) {
      EXPECT_LE(status_mib("VmHWM") - before, 330) << name;
    }
  }
}

}  // namespace reel::media::bad_pictures_test
