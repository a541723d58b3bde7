// UNets with convolutions and attention along time against diffusers, on tiny random configurations.
#include <gmock/gmock.h>

#include "tests/support/denoisers.h"

namespace reel::models::unet_3d_test {

using attention::SiteKind;

class UNet3DGolden : public testing::TestWithParam<std::string> {};

TEST_P(UNet3DGolden, PredictsWhatDiffusersPredicts) {
  const std::string name = "unet_3d/" + GetParam();
  const ComponentFiles files = golden_component(name);
  const auto network = families().of(files.config).denoiser(files, {});
  expect_equal_runs(*network, Golden(name + "/golden.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(Cases, UNet3DGolden, testing::ValuesIn(golden_cases("unet_3d")),
                         [](const auto& info) { return info.param; });

std::vector<attention::Site> sites_of(const std::string& name) {
  const ComponentFiles files = golden_component(name);
  LoadOptions options;
  options.shapes_only = true;
  return families().of(files.config).denoiser(files, options)->sites();
}

TEST(UNet3DTest, NamesItsSitesByTheirPathsInTheCheckpoint) {
  std::map<std::string, attention::Site> sites;
  for (const attention::Site& site : sites_of("unet_3d/four_levels")) sites[site.path] = site;
  const std::string spatial = "up_blocks.2.attentions.0.transformer_blocks.0.",
                    temporal = "up_blocks.2.temp_attentions.0.transformer_blocks.0.";
  EXPECT_EQ(sites.at(spatial + "attn1").kind, SiteKind::kSpatial);
  EXPECT_EQ(sites.at(spatial + "attn2").kind, SiteKind::kCross);
  for (const char* layer : {"attn1", "attn2"}) {
    const attention::Site& site = sites.at(temporal + layer);
    EXPECT_EQ(site.kind, SiteKind::kTemporal);
    EXPECT_EQ(site.heads, 2);  // 8 channels, heads of width 4
    EXPECT_EQ(sites.at(std::string("transformer_in.transformer_blocks.0.") + layer).heads, 8);
  }
}

TEST(UNet3DTest, KnowsTheLevelOfEachSiteAndThatTheFirstTransformerIsAtNone) {
  const auto sites = sites_of("unet_3d/four_levels");
  expect_levels(sites, /*levels=*/4);
  EXPECT_EQ(sites.front().path, "transformer_in.transformer_blocks.0.attn1");
  EXPECT_EQ(sites.front().level, -1);
}

TEST(UNet3DTest, HasTwoTemporalAttentionsPerBlockThatAttends) {
  int temporal = 0;
  for (const attention::Site& site : sites_of("unet_3d/four_levels"))
    temporal += site.kind == SiteKind::kTemporal;
  EXPECT_EQ(temporal, 2 * (1 + 3 * 2 + 1 + 3 * 3));  // first, down, middle, up
}

TEST(UNet3DTest, TakesAnyNumberOfFrames) {
  const ComponentFiles files = golden_component("unet_3d/half_stored");
  const auto network = families().of(files.config).denoiser(files, {});
  Conditioning condition;
  condition.context = at::zeros({1, 3, 16});
  condition.rows.resize(1);
  attention::Processor attend;
  const at::Tensor latent = at::zeros({1, 4, 67, 2, 2});
  EXPECT_EQ(predict_once(*network, latent, Step{}, condition, attend).sizes(), latent.sizes());
}

std::string refusal(const std::string& key, const std::string& value) {
  ComponentFiles files = golden_component("unet_3d/half_stored");
  files.config = files.config.with(key, value);
  LoadOptions options;
  options.shapes_only = true;
  try {
    families().of(files.config).denoiser(files, options);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(UNet3DTest, RefusesHeadsThatItCannotHave) {
  EXPECT_THAT(refusal("num_attention_heads", "8"), testing::HasSubstr("'num_attention_heads' must be null"));
  EXPECT_THAT(refusal("attention_head_dim", "64"), testing::HasSubstr("at most the 8 channels"));
  EXPECT_THAT(refusal("attention_head_dim", "[4, 4]"), testing::HasSubstr("attention_head_dim"));
  EXPECT_THAT(refusal("down_block_types", R"(["CrossAttnDownBlock2D", "DownBlock3D"])"),
              testing::HasSubstr("supported are CrossAttnDownBlock3D and DownBlock3D"));
}

}  // namespace reel::models::unet_3d_test
