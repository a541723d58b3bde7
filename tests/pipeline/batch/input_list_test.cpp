// Arguments of a batch become inputs: folders, patterns, lists, and what is wrong with them.
#include "pipeline/batch/input_list.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/temporary_folder.h"

namespace reel::pipeline::input_list_test {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class InputListTest : public testing::Test {
 protected:
  InputListTest() {
    for (const char* file :
         {"b.jpg", "a.png", "notes.md", ".hidden.jpg", "deep/c.jpg", "deep/d/e.jpg", ".git/f.jpg"}) {
      fs::create_directories((root / file).parent_path());
      std::ofstream(root / file) << "x";
    }
    fs::create_directory_symlink(root, root / "deep/loop");
  }
  std::vector<std::string> paths(const std::vector<std::string>& arguments,
                                 const std::string& standard_input = "") {
    std::istringstream stream(standard_input);
    std::vector<std::string> paths;
    for (const BatchInput& input : expand_inputs(arguments, rules, stream))
      paths.push_back(fs::path(input.path).lexically_relative(root));
    return paths;
  }
  void expect_refusal(const std::vector<std::string>& arguments, const std::string& words,
                      const std::string& input = "") {
    EXPECT_THAT([&] { paths(arguments, input); }, ThrowsMessage<std::invalid_argument>(HasSubstr(words)));
  }

  const TemporaryFolder folder;
  const fs::path root = folder / "photos";
  InputRules rules{
      .takes = [](const std::string& name) { return name.ends_with(".jpg") || name.ends_with(".png"); }};
};

TEST_F(InputListTest, AFolderGivesItsPicturesOfAllLevelsByName) {
  EXPECT_THAT(paths({root}), ElementsAre("a.png", "b.jpg", "deep/c.jpg", "deep/d/e.jpg"));
}

TEST_F(InputListTest, APatternGivesWhatItMatches) {
  EXPECT_THAT(paths({root / "*.jpg"}), ElementsAre("b.jpg"));
  EXPECT_THAT(paths({root / "**/*.jpg"}), ElementsAre("b.jpg", "deep/c.jpg", "deep/d/e.jpg"));
  EXPECT_THAT(paths({root / "de?p/[cd].jpg"}), ElementsAre("deep/c.jpg"));
  EXPECT_THAT(paths({root / "deep/**"}), ElementsAre("deep/c.jpg", "deep/d/e.jpg"));
  expect_refusal({root / "*.webp"}, "matches no file");
}

TEST_F(InputListTest, AFileWhoseNameLooksLikeAPatternIsAFile) {
  std::ofstream(root / "[1].jpg") << "x";
  EXPECT_THAT(paths({root / "[1].jpg"}), ElementsAre("[1].jpg"));
}

TEST_F(InputListTest, AFileThatIsNotThereIsAnInput) {
  EXPECT_THAT(paths({root / "gone.jpg"}), ElementsAre("gone.jpg"));
}

TEST_F(InputListTest, AListHasPathsAndObjectsWithPrompts) {
  std::ofstream(folder / "list.txt")
      << "\xEF\xBB\xBF# comment\n\n  \na b.jpg\r\n{\"input\": \"c.jpg\", \"prompt\": \"Why?\"}\n";
  std::istringstream none;
  EXPECT_THAT(expand_inputs({folder / "list.txt"}, rules, none),
              ElementsAre(BatchInput{"a b.jpg", std::nullopt}, BatchInput{"c.jpg", "Why?"}));
  std::istringstream given("x.jpg\n{\"input\": \"x.jpg\", \"prompt\": \"Why?\"}");
  EXPECT_THAT(expand_inputs({"-"}, rules, given),
              ElementsAre(BatchInput{"x.jpg", std::nullopt}, BatchInput{"x.jpg", "Why?"}));
}

TEST_F(InputListTest, NamesThePlaceOfABadLine) {
  expect_refusal({"-"}, "[standard input, line 2] has the key 'promt'",
                 "a.jpg\n{\"input\": \"b\", \"promt\": \"x\"}");
  expect_refusal({"-"}, "[standard input, line 1] is no JSON object", "{nonsense");
  expect_refusal({"-"}, "'prompt' must be a text, got 4", "{\"input\": \"b\", \"prompt\": 4}");
  expect_refusal({"-"}, "names no input", "{\"prompt\": \"x\"}");
  expect_refusal({"-"}, "is not UTF-8", "a\xff.jpg");
  expect_refusal({"-"}, "holds a zero byte", std::string("a\0b.jpg", 7));
}

TEST_F(InputListTest, RefusesAnInputThatIsNamedTwice) {
  expect_refusal({root, root / "b.jpg"}, "a second time");
  rules.most_inputs = 3;
  expect_refusal({root}, "more than 3 inputs");
}

TEST_F(InputListTest, RefusesAFolderWithoutPictures) {
  fs::create_directories(folder / "empty");
  expect_refusal({folder / "empty"}, "is a folder without pictures");
}

}  // namespace reel::pipeline::input_list_test
