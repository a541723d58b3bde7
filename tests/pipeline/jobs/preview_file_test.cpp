#include "pipeline/jobs/preview_file.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace reel::pipeline::preview_file_test {

TEST(PreviewFileTest, LiesBesideTheOutputWithoutItsNumber) {
  for (const auto& [output, expected] : {std::pair{"fox.mp4", "fox.preview.png"},
                                         {"a/fox.webm", "a/fox.preview.png"},
                                         {"f_%05d.png", "f.preview.png"},
                                         {"%d.png", "preview.png"}})
    EXPECT_EQ(preview_name(output), expected);
}

TEST(PreviewFileTest, ReplacesNoFileOfTheUsers) {
  const TemporaryFolder folder;
  const std::string path = folder / "fox.preview.png";
  check_preview(path, /*overwrite=*/false);
  write_file(path, "precious");
  EXPECT_FALSE(is_preview(path));
  EXPECT_THROW(check_preview(path, /*overwrite=*/false), std::runtime_error);
  check_preview(path, /*overwrite=*/true);
  EXPECT_THROW(check_preview(folder / "absent/fox.preview.png", /*overwrite=*/true), std::runtime_error);
}

}  // namespace reel::pipeline::preview_file_test
