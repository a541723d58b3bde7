// DiffusersLoader: what the handles say of a model folder.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::diffusers_loader_test {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Value> load(NodeBench& bench, const std::string& path, const std::string& adapter = "") {
  return bench.run("DiffusersLoader", {{"model_path", path}, {"motion_adapter", adapter}});
}

TEST(DiffusersLoaderTest, Declares) {
  EXPECT_THAT(NodeBench().sockets("DiffusersLoader"),
              ElementsAre("model_path: STRING = emoji-animatediff", "motion_adapter: STRING = , file",
                          "-> MODEL", "-> CLIP", "-> VAE"));
}

TEST(DiffusersLoaderTest, AllThreeHandlesNameTheFolderAndAskForNothingMore) {
  NodeBench bench;
  const std::vector<Value> handles = load(bench, tiny_model());
  ASSERT_EQ(handles.size(), 3U);
  const auto& model = std::get<ModelHandle>(handles[0]);
  EXPECT_EQ(model.folder->path, tiny_model());
  EXPECT_TRUE(model.folder->motion_adapter.empty() && model.loras.empty() && model.edits.empty());
  EXPECT_TRUE(model.guiders.empty());
  const auto& clip = std::get<ClipHandle>(handles[1]);
  EXPECT_EQ(clip.folder, model.folder);
  EXPECT_TRUE(clip.loras.empty());
  EXPECT_EQ(clip.clip_skip, 0);
  EXPECT_EQ(std::get<VaeHandle>(handles[2]).folder, model.folder);
}

TEST(DiffusersLoaderTest, TellsTheSamplerWhatTheFoldersFilesSay) {
  NodeBench bench;
  const auto tiny = std::get<ModelHandle>(load(bench, tiny_model())[0]);
  EXPECT_EQ(tiny.folder->scheduler.text("_class_name", ""), "DDIMScheduler");
  EXPECT_EQ(tiny.folder->scheduler.number("beta_end", 0), 0.012);
  EXPECT_EQ(tiny.folder->latent.channels, 4);
  EXPECT_EQ(tiny.folder->latent.factor, 2) << "a VAE of two levels halves each side once";
  const auto told = std::get<ModelHandle>(load(bench, models::golden_folder("lvdm/conditioned_on_fps"))[0]);
  EXPECT_TRUE(told.folder->condition) << "a network that wants to know the frame rate";
}

TEST(DiffusersLoaderTest, PassesTheMotionAdapterOn) {
  NodeBench bench;
  const std::string parts = models::golden_folder("pipelines/separate_folders");
  const auto model = std::get<ModelHandle>(load(bench, parts + "/base", parts + "/motion_adapter")[0]);
  EXPECT_EQ(model.folder->motion_adapter, parts + "/motion_adapter");
  EXPECT_EQ(bench.context.models->denoiser(model)->sites().size(), bench.context.models->sites(model).size());
}

TEST(DiffusersLoaderTest, ReadsNoWeights) {
  const TemporaryFolder folder;
  fs::copy(tiny_model(), folder.path(), fs::copy_options::recursive);
  for (const std::string part :
       {"unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"})
    write_file(folder / (part + ".safetensors"), "no tensors");
  NodeBench bench;
  const auto handles = load(bench, folder.path().string());
  EXPECT_THROW(bench.context.models->denoiser(std::get<ModelHandle>(handles[0])), std::runtime_error);
}

TEST(DiffusersLoaderTest, FindsInstalledModelsByName) {
  const TemporaryFolder folder;
  fs::create_directory_symlink(tiny_model(), folder.path() / "tiny");
  NodeBench bench;
  bench.context.options.models_dirs = {folder.path().string()};
  EXPECT_EQ(std::get<ModelHandle>(load(bench, "tiny")[0]).folder->path, folder / "tiny");
  const std::string message =
      bench.refusal<std::runtime_error>("DiffusersLoader", {{"model_path", std::string("tinny")}});
  EXPECT_THAT(message, HasSubstr("[tinny] is neither a folder nor an installed model; did you mean 'tiny'?"));
}

TEST(DiffusersLoaderTest, ItsChangeTokenFollowsTheFilesBehindTheName) {
  const TemporaryFolder folder;
  fs::copy(tiny_model(), folder.path() / "tiny", fs::copy_options::recursive);
  NodeBench bench;
  bench.context.options.models_dirs = {folder.path().string()};
  const auto token = [&] {
    return bench.node("DiffusersLoader")
        .change_token(Inputs({{"model_path", std::string("tiny")}}), bench.context);
  };
  const std::string before = token();
  EXPECT_EQ(token(), before);
  write_file(folder / "tiny/scheduler/scheduler_config.json", R"({"_class_name": "LCMScheduler"})");
  EXPECT_NE(token(), before);
}

TEST(DiffusersLoaderTest, ItsChangeTokenTellsEqualFilesInTwoPlacesApart) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "a");
  fs::create_directories(folder.path() / "b");
  for (const std::string place : {"a", "b"})
    fs::create_directory_symlink(tiny_model(), folder / place + "/tiny");
  NodeBench bench;
  const auto token = [&](const std::string& place) {
    bench.context.options.models_dirs = {folder / place};
    return bench.node("DiffusersLoader")
        .change_token(Inputs({{"model_path", std::string("tiny")}}), bench.context);
  };
  EXPECT_NE(token("a"), token("b")) << "kept handles name the folder, which may be gone";
}

}  // namespace reel::pipeline::diffusers_loader_test
