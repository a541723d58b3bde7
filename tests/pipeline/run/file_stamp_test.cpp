#include "pipeline/run/file_stamp.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace reel::pipeline::file_stamp_test {

namespace fs = std::filesystem;

void age(const std::string& path, int hours) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(hours));
}

TEST(FileStampTest, ChangesWithSizeOrTimeOnly) {
  TemporaryFolder folder;
  write_file(folder / "a", "one");
  const std::string stamp = file_stamp(folder / "a");
  EXPECT_FALSE(stamp.empty());
  EXPECT_EQ(file_stamp(folder / "a"), stamp);
  age(folder / "a", 1);
  EXPECT_NE(file_stamp(folder / "a"), stamp);
  EXPECT_EQ(file_stamp(folder / "absent"), "");
  EXPECT_EQ(file_stamp(""), "");
}

TEST(FileStampTest, AFolderChangesWithAnyFileBelowIt) {
  TemporaryFolder folder;
  fs::create_directories(folder / "model/unet");
  write_file(folder / "model/index.json", "{}");
  write_file(folder / "model/unet/weights", "abc");
  const std::string stamp = file_stamp(folder / "model");
  EXPECT_EQ(file_stamp(folder / "model"), stamp);
  age(folder / "model/unet/weights", 1);
  const std::string changed = file_stamp(folder / "model");
  EXPECT_NE(changed, stamp);
  write_file(folder / "model/unet/more", "");
  EXPECT_NE(file_stamp(folder / "model"), changed);
}

TEST(FileStampTest, APatternStandsForItsNumberedFiles) {
  TemporaryFolder folder;
  const std::string pattern = folder / "frame_%05d.png";
  EXPECT_EQ(file_stamp(pattern), "");
  write_file(folder / "frame_00001.png", "a");
  write_file(folder / "frame_x.png", "not numbered");
  const std::string one = file_stamp(pattern);
  EXPECT_FALSE(one.empty());
  write_file(folder / "frame_00002.png", "b");
  const std::string two = file_stamp(pattern);
  EXPECT_NE(two, one);
  write_file(folder / "frame_x.png", "still not, and longer");
  EXPECT_EQ(file_stamp(pattern), two);
  fs::remove(folder / "frame_00002.png");
  EXPECT_EQ(file_stamp(pattern), one);
}

}  // namespace reel::pipeline::file_stamp_test
