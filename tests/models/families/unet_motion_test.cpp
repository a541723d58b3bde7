// UNets with motion modules against diffusers, on tiny random configurations.
#include "models/unet/motion_adapter.h"
#include "tests/support/denoisers.h"
#include "tests/support/pytorch_bytes.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::unet_motion_test {

namespace fs = std::filesystem;

class UNetMotionGolden : public testing::TestWithParam<std::string> {};

TEST_P(UNetMotionGolden, PredictsWhatDiffusersPredicts) {
  const std::string name = "unet_motion/" + GetParam();
  const bool separate = fs::exists(golden_folder(name + "/unet"));
  const ComponentFiles files =
      separate ? golden_component(name + "/unet", name + "/motion_adapter") : golden_component(name);
  const auto network = families().of(files.config).denoiser(files, {});
  expect_equal_runs(*network, Golden(name + "/golden.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(Cases, UNetMotionGolden, testing::ValuesIn(golden_cases("unet_motion")),
                         [](const auto& info) { return info.param; });

TEST(UNetMotionTest, LoadsAnOriginalMotionModule) {
  const std::string name = "unet_motion/separate_sd15";
  // Original files carry no configuration and always mean 8 heads; this tiny one has others, stated beside
  // it.
  const TemporaryFolder folder;
  fs::copy(golden_folder(name + "/motion_module.safetensors"),
           folder.path() / "diffusion_pytorch_model.safetensors");
  fs::copy(golden_folder(name + "/motion_adapter/config.json"), folder.path() / "config.json");
  ComponentFiles files = golden_component(name + "/unet");
  files.adapter = folder.path().string();
  const auto network = families().of(files.config).denoiser(files, {});
  expect_equal_runs(*network, Golden(name + "/golden.safetensors"));
}

TEST(UNetMotionTest, ReadsTheShapeOfAnOriginalMotionModuleFromItsTensors) {
  Checkpoint unet = Checkpoint::open(golden_folder("unet_motion/separate_sd15/unet"));
  const auto facts =
      join_motion_adapter(unet, golden_folder("unet_motion/separate_sd15/motion_module.safetensors"));
  const Config adapter = Config::read(golden_folder("unet_motion/separate_sd15/motion_adapter/config.json"));
  EXPECT_EQ(facts.config.integer("motion_max_seq_length", 0), adapter.integer("motion_max_seq_length", 32));
  EXPECT_EQ(facts.config.integer("motion_layers_per_block", 0),
            adapter.integer("motion_layers_per_block", 2));
  EXPECT_EQ(facts.config.flag("use_motion_mid_block", false), adapter.flag("use_motion_mid_block", true));
  EXPECT_EQ(facts.config.integer("motion_num_attention_heads", 0), 8);
  EXPECT_TRUE(unet.has("down_blocks.0.motion_modules.0.transformer_blocks.0.attn2.to_q.weight"));
}

TEST(UNetMotionTest, ReadsAnOriginalMotionModuleFromAPyTorchCheckpoint) {
  const std::string name = "unet_motion/separate_sd15";
  const Golden original(name + "/motion_module.safetensors");
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& tensor : original.names()) tensors[tensor] = original[tensor];
  const TemporaryFolder folder;
  write_file(folder / "mm_sd_v15_v2.ckpt", torch_file_of(tensors));
  Checkpoint pickled = Checkpoint::open(golden_folder(name + "/unet")), safe = pickled;
  join_motion_adapter(pickled, folder / "mm_sd_v15_v2.ckpt");
  join_motion_adapter(safe, golden_folder(name + "/motion_module.safetensors"));
  ASSERT_EQ(pickled.names(), safe.names());
  for (const std::string& tensor : safe.names()) {
    EXPECT_TRUE(at::equal(pickled.view(tensor), safe.view(tensor))) << tensor;
  }
}

TEST(UNetMotionTest, ListsItsSitesWithoutTouchingWeights) {
  const ComponentFiles files = golden_component("unet_motion/merged_mid_motion");
  LoadOptions options;
  options.shapes_only = true;
  const auto network = families().of(files.config).denoiser(files, options);
  int temporal = 0;
  for (size_t i = 0; i < network->sites().size(); ++i) {
    EXPECT_EQ(network->sites()[i].block, int(i));
    temporal += network->sites()[i].kind == attention::SiteKind::kTemporal;
  }
  EXPECT_GT(temporal, 0);
  EXPECT_LT(temporal, int(network->sites().size()));
}

TEST(UNetMotionTest, KnowsTheLevelOfEachSite) {
  LoadOptions options;
  options.shapes_only = true;
  const ComponentFiles files = golden_component("unet_motion/merged_mid_motion");
  expect_levels(families().of(files.config).denoiser(files, options)->sites(), /*levels=*/3);
}

TEST(UNetMotionTest, RefusesMoreFramesThanItHasPositionsFor) {
  const ComponentFiles files = golden_component("unet_motion/merged_mid_motion");
  const auto network = families().of(files.config).denoiser(files, {});
  const Golden golden("unet_motion/merged_mid_motion/golden.safetensors");
  Conditioning condition{golden["run1/encoder_hidden_states"], {Row{}}, {}, {}, {}};
  attention::Processor attend;
  const at::Tensor latent = at::zeros({1, golden["run1/sample"].size(1), 400, 4, 4});
  EXPECT_THROW(predict_once(*network, latent, Step{}, condition, attend), std::invalid_argument);
}

TEST(UNetMotionTest, ProjectsTheContextOnceForAllStepsWithTheSameResult) {
  const c10::InferenceMode inference;
  const ComponentFiles files = golden_component("unet_motion/merged_mid_motion");
  const auto network = families().of(files.config).denoiser(files, {});
  const Golden golden("unet_motion/merged_mid_motion/golden.safetensors");
  attention::Processor attend;
  const at::Tensor latent = golden["run0/sample"];
  const size_t rows = static_cast<size_t>(latent.size(0));
  const Conditioning condition{golden["run0/encoder_hidden_states"], std::vector<Row>(rows), {}, {}, {}};
  const at::Tensor expected = predict_once(*network, latent, Step{}, condition, attend);
  const auto state = network->begin(condition);
  for (int call = 0; call < 2; ++call)
    EXPECT_TRUE(at::equal(network->predict(latent, Step{}, *state, attend), expected)) << "call " << call;
}

}  // namespace reel::models::unet_motion_test
