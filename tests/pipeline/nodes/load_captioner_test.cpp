// LoadCaptioner: which folders it opens, and when its result is another one.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"
#include "tests/support/captions.h"

namespace reel::pipeline::load_captioner_test {

using testing::HasSubstr;

TEST(LoadCaptionerTest, OpensAFolderWithoutReadingItsWeights) {
  NodeBench bench;
  const CaptionGoldens goldens{"resaved_pad_bf16"};
  const auto captioner = bench.get<CaptionerHandle>("LoadCaptioner", {{"model_path", goldens.folder()}});
  EXPECT_EQ(captioner.folder->path, goldens.folder());
  EXPECT_TRUE(captioner.edits.empty());
}

TEST(LoadCaptionerTest, RefusesAModelThatMakesVideos) {
  NodeBench bench;
  const std::string folder = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";
  try {
    bench.get<CaptionerHandle>("LoadCaptioner", {{"model_path", folder}});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("makes videos and writes no captions"));
    EXPECT_THAT(error.what(), HasSubstr(folder));
  }
}

}  // namespace reel::pipeline::load_captioner_test
