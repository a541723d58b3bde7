// Folders of AnimateDiff, and of Stable Diffusion with a motion adapter.
#include <gmock/gmock.h>

#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::animate_diff_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kParts = golden_folder("pipelines/separate_folders");

void copy_folder(const std::string& from, const fs::path& to) {
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
}

TEST(AnimateDiffPipelineTest, HasTheDefaultsOfItsClass) {
  const ModelFolder model = ModelFolder::open(golden_folder("pipelines/merged_ddim"));
  EXPECT_EQ(model.pipeline_class, "AnimateDiffPipeline");
  EXPECT_EQ(model.defaults.num_frames, 16);
  EXPECT_EQ(model.defaults.num_inference_steps, 50);
  EXPECT_EQ(model.defaults.guidance_scale, 7.5);
  EXPECT_EQ(model.defaults.width, model.denoiser.config.integer("sample_size", 64) * model.latent.factor);
  EXPECT_EQ(model.max_frames, model.denoiser.config.integer("motion_max_seq_length", 32));
  EXPECT_EQ(model.denoiser.adapter, "");
}

TEST(AnimateDiffPipelineTest, ASecondSetOfMotionModulesIsRefused) {
  try {
    ModelFolder::open(golden_folder("pipelines/merged_ddim"), kParts + "/motion_adapter");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("already has motion modules in its unet"));
  }
}

TEST(AnimateDiffPipelineTest, StableDiffusionTakesTheGivenAdapterOrItsOwn) {
  EXPECT_EQ(ModelFolder::open(kParts + "/base").denoiser.adapter, "");
  EXPECT_EQ(ModelFolder::open(kParts + "/base").max_frames, 0) << "a model of pictures";
  const int64_t limit =
      Config::read(kParts + "/motion_adapter/config.json").integer("motion_max_seq_length", 32);
  const ModelFolder given = ModelFolder::open(kParts + "/base", kParts + "/motion_adapter");
  EXPECT_EQ(given.denoiser.adapter, kParts + "/motion_adapter");
  EXPECT_EQ(given.max_frames, limit);
  const TemporaryFolder folder;
  copy_folder(kParts + "/base", folder.path());
  copy_folder(kParts + "/motion_adapter", folder.path() / "motion_adapter");
  const ModelFolder own = ModelFolder::open(folder.path().string());
  EXPECT_EQ(own.denoiser.adapter, folder / "motion_adapter");
  EXPECT_EQ(own.max_frames, limit);
}

TEST(AnimateDiffPipelineTest, NamesWhatTheFolderLacks) {
  for (const auto& [part, message] :
       {std::pair{"vae/config.json", "has no vae/config.json; a AnimateDiffPipeline needs it"},
        {"scheduler/scheduler_config.json", "has no scheduler/scheduler_config.json"},
        {"tokenizer", "has no tokenizer folder"}}) {
    const TemporaryFolder folder;
    copy_folder(golden_folder("pipelines/merged_ddim"), folder.path());
    fs::remove_all(folder.path() / part);
    try {
      ModelFolder::open(folder.path().string());
      ADD_FAILURE() << part;
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  }
}

}  // namespace reel::models::animate_diff_test
