// peft's settings in the header of a file, or beside it.
#include "models/lora/adapter_header.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/lora_merge.h"
#include "tests/support/models.h"

namespace reel::models::adapter_header_test {

using testing::HasSubstr;

const std::string kQ = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
                  kV = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_v";
const Tensors kBase = {{kQ + ".weight", at::zeros({1, 1})}, {kV + ".weight", at::zeros({1, 1})}};

/// A LoRA whose factors make a change of their rank, so that the scale can be read off.
Tensors ones(int64_t q_rank, int64_t v_rank) {
  Tensors lora;
  for (const auto& [layer, rank] : {std::pair(kQ, q_rank), std::pair(kV, v_rank)}) {
    lora["unet." + layer + ".lora_A.weight"] = at::ones({rank, 1});
    lora["unet." + layer + ".lora_B.weight"] = at::ones({1, rank}) / double(rank);
  }
  return lora;
}

std::pair<double, double> scales(const std::map<std::string, std::string>& metadata, int64_t q_rank = 4,
                                 int64_t v_rank = 4) {
  const Tensors found = merged(kBase, ones(q_rank, v_rank), metadata);
  return {found.at(kQ + ".weight").item<double>(), found.at(kV + ".weight").item<double>()};
}

std::pair<double, double> said(const std::string& json, int64_t q_rank = 4, int64_t v_rank = 4) {
  return scales({{"lora_adapter_metadata", json}}, q_rank, v_rank);
}

std::string error_of(const std::string& json) {
  return merge_error(kBase, ones(4, 4), {{"lora_adapter_metadata", json}});
}

void expect_scales(const std::pair<double, double>& found, double q, double v) {
  EXPECT_NEAR(found.first, q, 1e-6);
  EXPECT_NEAR(found.second, v, 1e-6);
}

TEST(AdapterHeaderTest, ScalesByAlphaAndRank) {
  expect_scales(scales({}), 1, 1);
  expect_scales(said(R"({"unet.r": 4, "unet.lora_alpha": 8})"), 2, 2);
  expect_scales(said(R"({"r": 4, "lora_alpha": 8})"), 2, 2);
  expect_scales(said(R"({"r": 4})"), 2, 2);  // peft's default of lora_alpha is 8
  expect_scales(said(R"({"text_encoder.r": 4, "text_encoder.lora_alpha": 8})"), 1, 1);
}

TEST(AdapterHeaderTest, RankStabilisedScalesDivideByTheRoot) {
  expect_scales(said(R"({"unet.r": 4, "unet.lora_alpha": 8, "unet.use_rslora": true})"), 4, 4);
  expect_scales(said(R"({"unet.r": 4, "unet.lora_alpha": 8, "unet.use_rslora": false})"), 2, 2);
  expect_scales(said(R"({"unet.r": 4, "unet.lora_alpha": 8, "unet.use_rslora": true,
                         "unet.rank_pattern": {"attn1.to_v": 9}, "unet.alpha_pattern": {"to_v": 6}})",
                     4, 9),
                4, 2);
}

TEST(AdapterHeaderTest, TheFirstPatternThatNamesALayerCounts) {
  expect_scales(said(R"({"r": 4, "lora_alpha": 8, "alpha_pattern": {"to_q": 1, ".*attn1.*": 2}})"), 0.25,
                0.5);
  expect_scales(said(R"({"r": 4, "lora_alpha": 8, "alpha_pattern": {"o_q": 1, "^attn1.to_v": 2}})"), 2, 2);
  expect_scales(said(R"j({"r": 4, "lora_alpha": 8, "alpha_pattern": {"attn\\d.to_(q|k)": 1}})j"), 0.25, 2);
}

TEST(AdapterHeaderTest, EntriesOfTheHeaderItselfCountToo) {
  expect_scales(scales({{"lora_alpha", "16"}, {"use_rslora", "True"}}), 8, 8);
  expect_scales(scales({{"format", "pt"}, {"r", "4"}}), 1, 1);
}

TEST(AdapterHeaderTest, ReadsTheConfigurationBesidePeftsFile) {
  const TemporaryFolder folder;
  std::ofstream(folder / "adapter_config.json")
      << R"({"peft_type": "LORA", "r": 4, "lora_alpha": 12, "use_rslora": true})";
  Tensors lora;
  for (const auto& [name, tensor] : ones(4, 4)) lora["base_model.model." + name.substr(5)] = tensor;
  for (const auto& [file, scale] :
       {std::pair("adapter_model.safetensors", 6.0), std::pair("other.safetensors", 1.0)}) {
    write_safetensors(folder / file, lora);
    const Tensors found = merged_with(kBase, folder / file);
    EXPECT_NEAR(found.at(kQ + ".weight").item<double>(), scale, 1e-6) << file;
  }
  LoraSet loras(LoraTarget::kDenoiser);
  loras.add(folder / "other.safetensors", 1);
  EXPECT_THAT(loras.warnings(), testing::ElementsAre(HasSubstr("keeps alpha in adapter_config.json")));
}

TEST(AdapterHeaderTest, RefusesWhatItCannotHonour) {
  EXPECT_THAT(error_of(R"({"unet.r": 4, "unet.use_qalora": true})"), HasSubstr("'unet.use_qalora' is true"));
  EXPECT_THAT(error_of(R"({"r": 4, "some_new_scale": 3})"), HasSubstr("'some_new_scale' is 3"));
  EXPECT_EQ(error_of(R"({"r": 4, "some_new_scale": null, "other": {}, "lora_dropout": 0.1, "bias": "none"})"),
            "");
  EXPECT_THAT(error_of(R"({"r": 4, "init_lora_weights": "pissa_niter_4"})"),
              HasSubstr("changes the model's own weights"));
  EXPECT_EQ(error_of(R"({"r": 4, "init_lora_weights": "gaussian"})"), "");
  EXPECT_THAT(error_of(R"({"r": 4, "peft_type": "OFT"})"), HasSubstr("LORA and LOHA can be read"));
  EXPECT_THAT(error_of(R"({"r": 4, "use_dora": true})"), HasSubstr("lacks magnitudes"));
  EXPECT_THAT(error_of(R"({"r": 4, "lora_bias": true})"), HasSubstr("lacks a bias"));
  EXPECT_THAT(error_of(R"({"r": 8})"), HasSubstr("has rank 8, but its factors have rank 4"));
  EXPECT_THAT(error_of(R"({"r": 4, "use_rslora": "yes"})"), HasSubstr("must be true or false"));
  EXPECT_THAT(error_of(R"({"r": 4, "lora_alpha": "8"})"), HasSubstr("must be a number"));
  EXPECT_THAT(error_of(R"({"r": 4, "alpha_pattern": {"(a+)+b": 8}})"), HasSubstr("repeats too much"));
  EXPECT_THAT(error_of(R"({"r": 4, )"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of("[]"), HasSubstr("must be a JSON object"));
}

TEST(AdapterHeaderTest, RefusesAnAlphaThatTheHeaderContradicts) {
  Tensors lora = ones(4, 4);
  lora["unet." + kQ + ".alpha"] = at::tensor(8.0f);
  EXPECT_THAT(merge_error(kBase, lora, {{"lora_adapter_metadata", R"({"r": 4, "lora_alpha": 4})"}}),
              HasSubstr("by the header"));
  EXPECT_EQ(merge_error(kBase, lora, {{"lora_adapter_metadata", R"({"r": 4, "lora_alpha": 8})"}}), "");
}

}  // namespace reel::models::adapter_header_test
