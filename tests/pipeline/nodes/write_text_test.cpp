// WriteText: exactly the text, in exactly the file, and never over another one unasked.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::write_text_test {

using testing::ElementsAre;
using testing::HasSubstr;

class WriteTextTest : public testing::Test {
 protected:
  NodeBench::Given given(const std::string& text, bool overwrite = false) {
    return {{"text", text}, {"path", folder_ / "caption.txt"}, {"overwrite", overwrite}};
  }
  TemporaryFolder folder_;
  NodeBench bench_;
};

TEST_F(WriteTextTest, Declares) {
  EXPECT_THAT(bench_.sockets("WriteText"),
              ElementsAre("text: STRING", "path: STRING", "overwrite: BOOLEAN = false, permission",
                          "-> STRING, file"));
  EXPECT_TRUE(bench_.node("WriteText").sink);
}

TEST_F(WriteTextTest, WritesTheTextAndALineEnd) {
  EXPECT_EQ(bench_.get<std::string>("WriteText", given("ein Boot\nauf See, 海")), folder_ / "caption.txt");
  EXPECT_EQ(read_file(folder_ / "caption.txt"), "ein Boot\nauf See, 海\n");
  ASSERT_EQ(bench_.report.shown.size(), 1u);
  EXPECT_EQ(bench_.report.shown[0].kind, "text");
}

TEST_F(WriteTextTest, ReplacesOnlyWhatItMay) {
  bench_.run("WriteText", given("first"));
  EXPECT_THAT(bench_.refusal<std::runtime_error>("WriteText", given("second")), HasSubstr("caption.txt"));
  EXPECT_EQ(read_file(folder_ / "caption.txt"), "first\n");
  bench_.run("WriteText", given("second", true));
  EXPECT_EQ(read_file(folder_ / "caption.txt"), "second\n");
}

}  // namespace reel::pipeline::write_text_test
