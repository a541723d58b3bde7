// The names that LoRA files have for one and the same layer.
#include "models/lora/vocabulary.h"

#include <gmock/gmock.h>

#include "models/lora/layer_names.h"
#include "tests/support/lora_merge.h"
#include "tests/support/models.h"

namespace reel::models::vocabulary_test {

using testing::HasSubstr;

/// The layer that a tensor of a LoRA file means in the golden UNet; "" if none.
std::string layer_of(const std::string& tensor) {
  static const LayerNames names(Checkpoint::open(golden_folder("pipelines/merged_ddim/unet")).names());
  const auto key = parse_lora_key(tensor);
  return key ? names.find(flat_layer_name(key->path)).value_or("") : "";
}

TEST(VocabularyTest, FindsALayerUnderAllItsNames) {
  const std::string q = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
  const std::string original = "input_blocks.1.1.transformer_blocks.0.attn1.to_q";
  for (const std::string& name : std::vector<std::string>{
           "unet." + q + ".lora_A.weight",
           q + ".lora_B.default.weight",
           "base_model.model." + q + ".lora_A.weight",
           "base_model.model.unet." + q + ".lora_A.weight",
           "module." + q + ".lora_A.style.weight",
           "unet." + q + ".lora.down.weight",
           "module.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight",
           std::string(
               "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight"),
           std::string("lycoris_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lokr_w1"),
           std::string("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.hada_w1_a"),
           original + ".lora_A.weight",
           "diffusion_model." + original + ".lora_A.weight",
           "model.diffusion_model." + original + ".lora_A.weight",
       })
    EXPECT_EQ(layer_of(name), q) << name;
}

TEST(VocabularyTest, KnowsTheOriginalNamesOfAllParts) {
  for (const auto& [original, layer] : std::map<std::string, std::string>{
           {"input_blocks_0_0", "conv_in"},
           {"time_embed_0", "time_embedding.linear_1"},
           {"out_2", "conv_out"},
           {"input_blocks_1_0_in_layers_2", "down_blocks.0.resnets.0.conv1"},
           {"middle_block_1_proj_in", "mid_block.attentions.0.proj_in"},
           {"middle_block_2_out_layers_3", "mid_block.resnets.1.conv2"},
           {"output_blocks_0_0_skip_connection", "up_blocks.0.resnets.0.conv_shortcut"},
       })
    EXPECT_EQ(layer_of("lora_unet_" + original + ".lora_down.weight"), layer) << original;
}

TEST(VocabularyTest, TellsComponentsApart) {
  const auto target = [](const std::string& name) { return parse_lora_key(name)->target; };
  EXPECT_EQ(target("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight"), LoraTarget::kTextEncoder);
  EXPECT_EQ(target("base_model.model.text_model.encoder.layers.0.mlp.fc1.lora_A.weight"),
            LoraTarget::kTextEncoder);
  EXPECT_EQ(target("encoder.layers.0.mlp.fc1.lora_A.weight"), LoraTarget::kTextEncoder);
  EXPECT_EQ(target("text_encoder_2.text_model.a.lora_A.weight"), LoraTarget::kSecondTextEncoder);
  EXPECT_EQ(target("lora_te2_text_model_a.lora_down.weight"), LoraTarget::kSecondTextEncoder);
  EXPECT_EQ(target("transformer_in.proj_in.lora_A.weight"), LoraTarget::kDenoiser);
}

TEST(VocabularyTest, KnowsNoOtherTensors) {
  for (const char* name : {"unet.a.weight", "a.lora_A.bias", "a.lora_A", "a.lora_down.bias", "a.oft_blocks",
                           "a.lora_A.x.y.weight", "lora_A.weight", "a.lora_Abc.weight", "a.diff_c",
                           "a.scalar", "unet.lora_A.weight"})
    EXPECT_FALSE(parse_lora_key(name)) << name;
}

TEST(VocabularyTest, RefusesFilesThatSayTheSameLayerTwiceOrSeveralAdapters) {
  const Tensors base = {{"down_blocks.0.resnets.0.conv1.weight", at::zeros({2, 2})}};
  const at::Tensor factor = at::ones({2, 2});
  const auto error = [&](const std::string& other) {
    return merge_error(base, {{"down_blocks.0.resnets.0.conv1.lora_A.weight", factor},
                              {"down_blocks.0.resnets.0.conv1.lora_B.weight", factor},
                              {other + "lora_A.weight", factor},
                              {other + "lora_B.weight", factor}});
  };
  EXPECT_THAT(error("unet.down_blocks.0.resnets.0.conv1."), HasSubstr("again as"));
  EXPECT_THAT(error("unet.input_blocks.1.0.in_layers.2."),
              HasSubstr("means the layer down_blocks.0.resnets.0.conv1"));
  EXPECT_THAT(error("text_encoder_2.encoder.layers.0.mlp.fc1."), HasSubstr("second text encoder"));
  const std::string conv = "down_blocks.0.resnets.0.conv1.";
  EXPECT_THAT(merge_error(base, {{conv + "lora_A.a.weight", factor}, {conv + "lora_B.b.weight", factor}}),
              HasSubstr("several adapters ('a', 'b')"));
  EXPECT_THAT(merge_error(base, {{conv + "lora_A.weight", factor}, {conv + "lora_A.default.weight", factor}}),
              HasSubstr("twice, under two names"));
}

}  // namespace reel::models::vocabulary_test
