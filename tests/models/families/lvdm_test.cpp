// VideoCrafter2's original layout against a plain PyTorch module with its names, on tiny random checkpoints.
#include <gmock/gmock.h>

#include <fstream>

#include "models/files/safetensors.h"
#include "models/layouts/lvdm_layout.h"
#include "models/model_folder.h"
#include "tests/support/denoisers.h"
#include "tests/support/lvdm_structure.h"
#include "tests/support/pytorch_bytes.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::lvdm_test {

namespace fs = std::filesystem;
using attention::SiteKind;
using testing::HasSubstr;

class LvdmGolden : public testing::TestWithParam<std::string> {
 protected:
  const std::string name_ = "lvdm/" + GetParam();
  const ModelFolder model_ = ModelFolder::open(golden_folder(name_));
  const Golden golden_{name_ + "/golden.safetensors"};
};

TEST_P(LvdmGolden, PredictsWhatTheModuleWithItsNamesPredicts) {
  const auto network = families().of(model_.denoiser.config).denoiser(model_.denoiser, {});
  expect_equal_runs(*network, golden_);
}

TEST_P(LvdmGolden, EncodesAndDecodesWhatDiffusersDoes) {
  const auto vae = families().of(model_.vae.config).vae(model_.vae, {});
  const double scale = 0.18215;
  const at::Tensor latent = golden_["decode/latent"].unsqueeze(2) * scale;  // one frame each
  EXPECT_LE(max_error(vae->decode(latent).squeeze(2), golden_["decode/expected_image"]), kForwardTolerance);
  const at::Tensor mean = vae->encode(golden_["encode/image"].unsqueeze(2)).squeeze(2) / scale;
  EXPECT_LE(max_error(mean, golden_["encode/expected_mean"]), kForwardTolerance);
}

INSTANTIATE_TEST_SUITE_P(Cases, LvdmGolden, testing::ValuesIn(golden_cases("lvdm")),
                         [](const auto& info) { return info.param; });

std::vector<attention::Site> sites_of(const ModelFolder& model) {
  LoadOptions options;
  options.shapes_only = true;
  return families().of(model.denoiser.config).denoiser(model.denoiser, options)->sites();
}

TEST(LvdmTest, FitsTheWholeStructureOfVideoCrafter2) {
  const LvdmStructure structure;
  const ModelFolder model = ModelFolder::open(structure.path().string());
  const auto sites = sites_of(model);
  expect_levels(sites, /*levels=*/4);
  int temporal = 0;
  std::map<int, int> by_level;
  std::map<std::string, int> heads;
  for (const attention::Site& site : sites) {
    if (site.kind != SiteKind::kTemporal) continue;
    ++temporal, ++by_level[site.level];
    heads[site.path] = site.heads;
  }
  EXPECT_EQ(temporal, 34);
  EXPECT_EQ(by_level, (std::map<int, int>{{-1, 2}, {0, 10}, {1, 10}, {2, 10}, {3, 2}}));
  EXPECT_EQ(sites.front().path, "transformer_in.transformer_blocks.0.attn1");
  EXPECT_EQ(heads.at("transformer_in.transformer_blocks.0.attn1"), 8);
  EXPECT_EQ(heads.at("up_blocks.3.temp_attentions.2.transformer_blocks.0.attn2"), 4);
  EXPECT_EQ(heads.at("mid_block.temp_attentions.0.transformer_blocks.0.attn1"), 16);
  LoadOptions options;
  options.shapes_only = true;
  const auto vae = families().of(model.vae.config).vae(model.vae, options);
  EXPECT_EQ(vae->latent_shape(), (LatentShape{.channels = 4, .factor = 8}));
  EXPECT_EQ(vae->latent_shape(), model.latent);
}

TEST(LvdmTest, IsTheSameModelFromAPyTorchCheckpoint) {
  const c10::InferenceMode inference;
  const std::string name = "lvdm/conditioned_on_fps";
  const Golden original(name + "/model.safetensors");
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& tensor : original.names()) tensors[tensor] = original[tensor].to(at::kFloat);
  const TemporaryFolder folder;
  write_file(folder / "model.ckpt", torch_file_of(tensors));
  fs::copy(golden_folder(name + "/config.json"), folder.path());
  fs::copy(golden_folder(name + "/tokenizer"), folder.path() / "tokenizer", fs::copy_options::recursive);
  const ModelFolder model = ModelFolder::open(folder.path().string());
  const auto network = families().of(model.denoiser.config).denoiser(model.denoiser, {});
  expect_equal_runs(*network, Golden(name + "/golden.safetensors"));
  const ModelFolder safe = ModelFolder::open(golden_folder(name));
  const auto encode = [](const ModelFolder& which) {
    const auto encoder = families().of(which.text_encoder.config).text_encoder(which.text_encoder, {});
    return encoder->encode({"a boat at sea", ""});
  };
  EXPECT_EQ(encode(model).size(2), 64);
  EXPECT_TRUE(at::equal(encode(model), encode(safe)));
}

TEST(LvdmTest, WantsToKnowTheFrameRate) {
  const ModelFolder model = ModelFolder::open(golden_folder("lvdm/conditioned_on_fps"));
  const auto network = families().of(model.denoiser.config).denoiser(model.denoiser, {});
  Conditioning condition;
  condition.context = at::zeros({1, 3, 64});
  condition.rows.resize(1);
  attention::Processor attend;
  const at::Tensor latent = at::zeros({1, 4, 2, 4, 4});
  EXPECT_THROW(predict_once(*network, latent, Step{}, condition, attend), std::invalid_argument);
  condition.facts["fps"] = 8;
  const at::Tensor slow = predict_once(*network, latent, Step{}, condition, attend);
  condition.facts["fps"] = 28;
  EXPECT_GT(max_error(slow, predict_once(*network, latent, Step{}, condition, attend)), 1e-3);
}

std::string refusal(const std::function<void(std::map<std::string, at::Tensor>&)>& spoil) {
  const TemporaryFolder folder;
  const auto file = SafetensorsFile::open(golden_folder("lvdm/conditioned_on_fps/model.safetensors"));
  std::map<std::string, at::Tensor> tensors;
  for (const auto& entry : file->tensors()) tensors[entry.first] = SafetensorsFile::view(file, entry.first);
  spoil(tensors);
  write_safetensors(folder / "model.safetensors", tensors);
  std::ofstream(folder / "config.json") << R"({"norm_num_groups": 4})";
  fs::create_directory(folder.path() / "tokenizer");
  try {
    sites_of(ModelFolder::open(folder.path().string()));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(LvdmTest, RefusesHeadsThatItCannotHave) {
  ModelFolder model = ModelFolder::open(golden_folder("lvdm/plain_half_stored"));
  model.denoiser.config = model.denoiser.config.with("num_head_channels", "7");
  try {
    sites_of(model);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("heads of 7 channels do not divide the 24"));
  }
}

TEST(LvdmTest, NamesWhatIsMissingAndWhatIsUnexpected) {
  const std::string unet = "model.diffusion_model.";
  EXPECT_EQ(refusal([](auto&) {}), "");
  const std::string error = refusal([&](auto& tensors) {
    tensors.erase(unet + "output_blocks.1.0.temopral_conv.conv3.0.bias");
    tensors[unet + "init_attn.0.transformer_blocks.0.attn1.relative_position_k.embeddings_table"] =
        at::zeros({1});
  });
  EXPECT_THAT(error, HasSubstr("missing: up_blocks.0.temp_convs.1.conv3.0.bias"));
  EXPECT_THAT(error, HasSubstr("unexpected: transformer_in.transformer_blocks.0.attn1.relative_position_k"));
  EXPECT_THAT(refusal([&](auto& tensors) { tensors.erase(unet + "input_blocks.0.0.weight"); }),
              HasSubstr("'conv_in.weight'"));
  EXPECT_THAT(refusal([](auto& tensors) {
                std::erase_if(tensors,
                              [](const auto& t) { return t.first.starts_with("first_stage_model."); });
              }),
              HasSubstr("no autoencoder"));
  EXPECT_THAT(refusal([](auto& tensors) {
                std::erase_if(tensors,
                              [](const auto& t) { return t.first.find("temopral") != std::string::npos; });
              }),
              HasSubstr("has no model_index.json"));
}

}  // namespace reel::models::lvdm_test
