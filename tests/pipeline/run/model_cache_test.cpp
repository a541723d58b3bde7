// The shelf of networks: what is shared, and what is built anew.
#include "pipeline/run/model_cache.h"

#include <gmock/gmock.h>

#include "models/files/safetensors.h"
#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::model_cache_test {

namespace fs = std::filesystem;

class ModelCacheTest : public testing::Test {
 protected:
  ModelCacheTest() {
    fs::copy(models::golden_folder("pipelines/merged_ddim"), folder_.path(), fs::copy_options::recursive);
  }
  Folder opened() { return models::opened(folder_.path().string()); }

  TemporaryFolder folder_;
  ModelCache cache_{models::families(), at::kCPU, at::kFloat};
};

TEST_F(ModelCacheTest, SharesWhatIsBuiltFromTheSameFiles) {
  EXPECT_EQ(cache_.vae({opened()}), cache_.vae({opened()}));
  EXPECT_EQ(cache_.text_encoder({opened()}), cache_.text_encoder({opened(), {}, 2}))
      << "skips no layer itself";
  ModelHandle model;
  model.folder = opened();
  const auto denoiser = cache_.denoiser(model);
  model.guiders = {"cfg:rescale=0.5"};
  EXPECT_EQ(cache_.denoiser(model), denoiser);
  model.loras = {{"some.safetensors", 0}};
  EXPECT_NE(cache_.denoiser(model), denoiser);
}

TEST_F(ModelCacheTest, BuildsAnewWhenTheFilesHaveChanged) {
  ModelHandle model;
  model.folder = opened();
  const auto before = cache_.denoiser(model);
  const fs::path weights = folder_.path() / "unet" / "diffusion_pytorch_model.safetensors";
  fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(2));
  EXPECT_EQ(cache_.denoiser(model), before) << "this handle is of the old files";
  model.folder = opened();
  EXPECT_NE(cache_.denoiser(model), before);
}

TEST_F(ModelCacheTest, RefusesAVaeWhoseLatentsAreNotThePipelines) {
  auto other = std::make_shared<models::ModelFolder>(*opened());
  other->latent.frame_factor = 4;
  EXPECT_THROW(cache_.vae({other}), std::runtime_error);
}

}  // namespace reel::pipeline::model_cache_test
