// Folders of TextToVideoSDPipeline: their defaults, and the size that their UNet states.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::text_to_video_test {

namespace fs = std::filesystem;

/// A copy of the tiny text-to-video folder with one setting of its UNet changed (JSON; "null": absent).
ModelFolder with_sample_size(const std::string& value) {
  const TemporaryFolder folder;
  fs::copy(golden_folder("pipelines/text_to_video"), folder.path(),
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  const fs::path config = folder.path() / "unet" / "config.json";
  const Config changed = Config::read(config.string()).with("sample_size", value);
  fs::remove(config);
  std::ofstream(config) << changed.json();
  return ModelFolder::open(folder.path().string());
}

TEST(TextToVideoPipelineTest, HasTheDefaultsOfItsClass) {
  const ModelFolder model = ModelFolder::open(golden_folder("pipelines/text_to_video"));
  EXPECT_EQ(model.pipeline_class, "TextToVideoSDPipeline");
  EXPECT_EQ(model.defaults.num_frames, 16);
  EXPECT_EQ(model.defaults.num_inference_steps, 50);
  EXPECT_EQ(model.defaults.guidance_scale, 9);
  EXPECT_EQ(model.max_frames, 0) << "no position table bounds the number of frames";
}

TEST(TextToVideoPipelineTest, ReadsTheSizeFromOneSideOrTwo) {
  ModelFolder model = with_sample_size("8");  // latent cells, 2 pixels wide in this VAE
  EXPECT_EQ(model.defaults.width, 16);
  EXPECT_EQ(model.defaults.height, 16);
  model = with_sample_size("[10, 18]");
  EXPECT_EQ(model.defaults.width, 36);
  EXPECT_EQ(model.defaults.height, 20);
  model = with_sample_size("null");
  EXPECT_EQ(model.defaults.width, 64);
  EXPECT_EQ(model.defaults.height, 64);
  EXPECT_THROW(with_sample_size("[8, 8, 8]"), std::runtime_error);
}

TEST(TextToVideoPipelineTest, TakesNoMotionAdapter) {
  EXPECT_THROW(ModelFolder::open(golden_folder("pipelines/text_to_video"),
                                 golden_folder("pipelines/separate_folders/motion_adapter")),
               std::invalid_argument);
}

}  // namespace reel::models::text_to_video_test
