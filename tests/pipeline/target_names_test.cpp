// Whether two outputs write one file, however they are spelt.
#include "pipeline/target_names.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace reel::pipeline::target_names_test {

namespace fs = std::filesystem;
using Kind = TargetNames::Kind;

TEST(TargetNamesTest, EqualFilesMeetInAnySpelling) {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "sub");
  fs::create_symlink(folder.path() / "sub", folder.path() / "link");
  fs::create_symlink("sub/to-be.mp4", folder.path() / "name.mp4");
  const auto file = [&](const std::string& name) { return TargetNames::of_output(folder / name); };
  EXPECT_TRUE(file("a.mp4").meets(file("./a.mp4")));
  EXPECT_TRUE(file("a.mp4").meets(file("sub/../a.mp4")));
  EXPECT_TRUE(file("sub/a.mp4").meets(file("link/a.mp4")));
  EXPECT_TRUE(file("name.mp4").meets(file("sub/to-be.mp4"))) << "a link to nothing yet";
  EXPECT_FALSE(file("a.mp4").meets(file("sub/a.mp4")));
  EXPECT_FALSE(file("a.mp4").meets(file("b.mp4")));
  EXPECT_EQ(file("sub/a.mp4").key(), file("link/a.mp4").key());
  EXPECT_NE(file("p%d.png").key(), file("p.png").key());
}

TEST(TargetNamesTest, PatternsMeetWhatTheyCanName) {
  const auto output = [](const std::string& name) { return TargetNames::of_output(name); };
  EXPECT_TRUE(output("p%d.png").meets(output("p12.png")));
  EXPECT_TRUE(output("p012.png").meets(output("p%02d.png")));
  EXPECT_TRUE(output("p%d.png").meets(output("./p%03d.png")));
  EXPECT_TRUE(output("p%d.png").meets(output("p1%d.png")));
  EXPECT_TRUE(output("p%d.png").meets(output("p%d0.png")));
  EXPECT_FALSE(output("p%d.png").meets(output("q%d.png")));
  EXPECT_FALSE(output("p%d.png").meets(output("p%d_.png")));
  EXPECT_FALSE(output("p%d.png").meets(output("p.png")));
  EXPECT_FALSE(output("p%d.png").meets(output("sub/p%d.png")));
  EXPECT_FALSE(TargetNames::of_file("p%d.txt").meets(output("p1.txt"))) << "a name like any other";
}

TEST(TargetNamesTest, NumberedOnesGiveWayToEachOther) {
  const TargetNames saved = TargetNames::numbered("video/reel_", 5, "_.mp4");
  EXPECT_FALSE(saved.meets(saved));
  EXPECT_TRUE(saved.meets(TargetNames::of_output("video/reel_00001_.mp4")));
  EXPECT_FALSE(saved.meets(TargetNames::of_output("video/reel_1_.mp4")));
  const TargetNames maps = TargetNames::of_file("maps", Kind::kRecorded);
  EXPECT_FALSE(maps.meets(maps));
  EXPECT_TRUE(maps.meets(TargetNames::of_file("maps")));
}

}  // namespace reel::pipeline::target_names_test
