// What model folders have in common, whatever their pipeline.
#include "models/model_folder.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::model_folder_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(ModelFolderTest, RemembersWhatItWasAskedToOpenAndWhen) {
  const std::string parts = golden_folder("pipelines/separate_folders");
  const ModelFolder model = ModelFolder::open(parts + "/base", parts + "/motion_adapter");
  EXPECT_EQ(model.path, parts + "/base");
  EXPECT_EQ(model.motion_adapter, parts + "/motion_adapter");
  EXPECT_EQ(model.stamp, folder_stamp(parts + "/base"));
  EXPECT_FALSE(model.condition) << "the network reads nothing but the prompt";
}

TEST(ModelFolderTest, ListsFoldersWithAnIndexAndThoseThatAPipelineRecognises) {
  const TemporaryFolder models;
  fs::create_directory_symlink(golden_folder("pipelines/text_to_video"), models.path() / "indexed");
  fs::create_directory_symlink(golden_folder("lvdm/conditioned_on_fps"), models.path() / "single");
  fs::create_directory(models.path() / "other");
  fs::create_directory(models.path() / "broken");
  std::ofstream(models.path() / "broken" / "model.safetensors") << "no tensors";
  const auto found = list_models({models.path().string()});
  std::vector<std::string> names;
  for (const auto& entry : found) {
    if (entry.second.starts_with(models.path().string())) names.push_back(entry.first);
  }
  EXPECT_THAT(names, testing::ElementsAre("indexed", "single"));
  EXPECT_EQ(pipeline_class_of(found.at("indexed")), "TextToVideoSDPipeline");
  EXPECT_EQ(pipeline_class_of(found.at("single")), "VideoCrafter2");
  EXPECT_EQ(pipeline_class_of(models / "broken"), "");
  try {
    ModelFolder::open(models / "broken");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.safetensors"));
  }
}

TEST(ModelFolderTest, ReadsFrameRatesWithinBounds) {
  const Config config = Config::parse(R"({"slow": 0.001, "fps": 12.5})", "here");
  EXPECT_EQ(frame_rate(config, "fps", 8), 12.5);
  EXPECT_EQ(frame_rate(config, "absent", 8), 8);
  try {
    frame_rate(config, "slow", 8);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("[here] 'slow' must lie in 0.01 to 1000, got 0.001"));
  }
}

}  // namespace reel::models::model_folder_test
