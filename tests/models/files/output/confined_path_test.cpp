#include "models/files/output/confined_path.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace reel::models {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ConfinedPath : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root() / "inside/deep");
    fs::create_directories(folder_.path() / "outside");
  }
  fs::path root() const { return folder_.path() / "root"; }
  std::string refusal(const std::string& given) const {
    try {
      return "taken: " + confined_path(root().string(), given, "name it yourself");
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  }
  TemporaryFolder folder_;
};

TEST_F(ConfinedPath, LeadsBelowTheFolder) {
  for (const char* given :
       {"a.mp4", "inside/a.mp4", "./a.mp4", "inside/../a.mp4", "inside/deep/../../a.mp4", "new/a.mp4"})
    EXPECT_EQ(confined_path(root().string(), given, ""), (root() / given).string());
  EXPECT_EQ(confined_path(root().string(), (root() / "a.mp4").string(), ""), (root() / "a.mp4").string());
}

TEST_F(ConfinedPath, RefusesWhatLeadsElsewhere) {
  for (const std::string& given :
       {std::string("../a.mp4"), std::string("inside/../../a.mp4"), std::string(".."), std::string("."),
        std::string("inside/../"), std::string("/etc/a.mp4"), (folder_.path() / "root-not/a.mp4").string(),
        root().string()})
    EXPECT_THAT(refusal(given), HasSubstr("leads elsewhere; name it yourself")) << given;
}

TEST_F(ConfinedPath, FollowsLinksAlsoThoseToNothing) {
  fs::create_symlink(folder_.path() / "outside", root() / "out");
  fs::create_symlink(folder_.path() / "outside/nothing.mp4", root() / "dangling.mp4");
  fs::create_symlink("dangling.mp4", root() / "second.mp4");
  fs::create_symlink("loop.mp4", root() / "loop.mp4");
  fs::create_symlink("inside/a.mp4", root() / "in.mp4");
  for (const char* given : {"out/a.mp4", "dangling.mp4", "second.mp4", "out/../a.mp4"})
    EXPECT_THAT(refusal(given), HasSubstr("leads elsewhere")) << given;
  EXPECT_THAT(refusal("loop.mp4"), HasSubstr("leads to itself"));
  EXPECT_THAT(refusal("in.mp4"), HasSubstr("taken"));
}

TEST_F(ConfinedPath, RefusesControlCharacters) {
  for (const std::string& given :
       {std::string("a\0.mp4", 6), std::string("a\n.mp4"), std::string("a\x1b[31m.mp4"),
        std::string("a\x7f.mp4"), std::string("a\xc2\x9b.mp4"), std::string("a\u202egpj.mp4"),
        std::string("a\u200b.mp4"), std::string("\ufeffa.mp4")})
    EXPECT_THAT(refusal(given), HasSubstr("no control characters"));
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_FALSE(has_hidden_characters("né à la mode \u2764\ufe0f.mp4"));
}

TEST_F(ConfinedPath, TakesALinkForTheFolderItself) {
  fs::create_symlink(root(), folder_.path() / "link");
  const std::string link = (folder_.path() / "link").string();
  EXPECT_EQ(confined_path(link, "a.mp4", ""), link + "/a.mp4");
}

}  // namespace
}  // namespace reel::models
