#include "pipeline/jobs/stages_text.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace reel::pipeline::stages_text_test {

TEST(StagesTextTest, IsTheContentOfAFileOrTheValueItself) {
  const TemporaryFolder folder;
  write_file(folder / "stages.txt", "a fox\nsnow\n");
  EXPECT_EQ(stages_text(folder / "stages.txt"), "a fox\nsnow\n");
  for (const char* stages : {"a fox; snow", "fox", "a fox. snow", "1/2; fox"})
    EXPECT_EQ(stages_text(stages), stages);
}

TEST(StagesTextTest, RefusesAbsentAndHugeFiles) {
  const TemporaryFolder folder;
  write_file(folder / "huge.txt", std::string((1 << 20) + 1, 'a'));
  EXPECT_THROW(stages_text(folder / "huge.txt"), std::runtime_error);
  EXPECT_THROW(stages_text("absent.txt"), std::runtime_error);
  EXPECT_THROW(stages_text("folder/absent"), std::runtime_error);
}

}  // namespace reel::pipeline::stages_text_test
