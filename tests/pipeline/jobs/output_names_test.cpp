#include "pipeline/jobs/output_names.h"

#include <gtest/gtest.h>

namespace reel::pipeline::output_names_test {

TEST(OutputNamesTest, ASuffixStandsBeforeTheExtensionOrTheNumber) {
  for (const auto& [path, expected] : {std::pair{"out.mp4", "out-x.mp4"},
                                       {"f_%05d.png", "f-x_%05d.png"},
                                       {"f%05d.png", "f-x%05d.png"},
                                       {"a.b/out.mp4", "a.b/out-x.mp4"},
                                       {"a.b/out", "a.b/out-x"},
                                       {"out", "out-x"},
                                       {"%d.png", "-x%d.png"},
                                       {"a.b.gif", "a.b-x.gif"}})
    EXPECT_EQ(with_suffix(path, "-x"), expected);
}

TEST(OutputNamesTest, OnlySeveralJobsAreNumbered) {
  EXPECT_EQ(numbered_output("out.mp4", 2, 3), "out-0003.mp4");
  EXPECT_EQ(numbered_output("out.mp4", 0, 1), "out.mp4");
  EXPECT_EQ(numbered_output("", 0, 3), "");
}

TEST(OutputNamesTest, ADefaultNameIsMadeOfThePromptsWords) {
  EXPECT_EQ(default_output("A red, RED fox!")->path(), "a-red-red-fox.mp4");
  EXPECT_EQ(default_output("")->path(), "reel.mp4");
  EXPECT_EQ(default_output(std::string(100, 'a'))->path(), std::string(48, 'a') + ".mp4");
}

}  // namespace reel::pipeline::output_names_test
