// LoRA files of every layout, merged at load, against merged references.
#include "models/lora/lora.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include "models/files/safetensors.h"
#include "tests/support/denoisers.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::lora_test {

using testing::HasSubstr;

constexpr double kTolerance = 1e-4;  // of a forward pass in f32

class LoraGolden : public testing::TestWithParam<std::string> {
 protected:
  std::string file() const { return golden_folder("lora/" + GetParam() + ".safetensors"); }
  Golden golden_{"lora/golden.safetensors"};
  c10::InferenceMode inference_;
};

TEST_P(LoraGolden, ChangesTheDenoiserAsTheReferenceDoes) {
  const ComponentFiles files = golden_component("unet_motion/merged_mid_motion");
  LoraSet loras(LoraTarget::kDenoiser);
  loras.add(file(), 0.7);
  LoadOptions options;
  options.patch = loras.patch();
  const auto network = families().of(files.config).denoiser(files, options);
  const Golden inputs("unet_motion/merged_mid_motion/golden.safetensors");
  const at::Tensor sample = inputs["run1/sample"];
  Conditioning condition;
  condition.context = inputs["run1/encoder_hidden_states"];
  condition.rows.resize(size_t(sample.size(0)));
  condition.timesteps = inputs["run1/timestep"].to(at::kFloat).expand({sample.size(0)});
  attention::Processor attend;
  EXPECT_LE(max_error(predict_once(*network, sample, Step{}, condition, attend),
                      golden_[GetParam() + "/expected_unet_sample"]),
            kTolerance);
}

TEST_P(LoraGolden, ChangesTheTextEncoderAsTheReferenceDoes) {
  const ComponentFiles files = golden_component("clip_text/quick_gelu_legacy_eos");
  LoraSet loras(LoraTarget::kTextEncoder);
  loras.add(file(), 0.7);
  LoadOptions options;
  if (!loras.empty()) options.patch = loras.patch();
  const auto encoder = families().of(files.config).text_encoder(files, options);
  const std::string name = GetParam() + "/expected_text_last_hidden_state";
  if (!golden_.has(name)) return;  // motion LoRAs have no text part
  const Golden inputs("clip_text/quick_gelu_legacy_eos/golden.safetensors");
  EXPECT_LE(max_error(encoder->encode_ids(inputs["run0/input_ids"]), golden_[name]), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Layouts, LoraGolden,
                         testing::Values("peft", "peft_metadata", "down_up", "attention_processors", "kohya",
                                         "kohya_mixed_alpha", "kohya_half_no_alpha", "motion",
                                         "motion_original"),
                         [](const auto& info) { return info.param; });

std::string error_of(const std::map<std::string, at::Tensor>& tensors) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "lora.safetensors").string();
  write_safetensors(path, tensors);
  try {
    LoraSet(LoraTarget::kDenoiser).add(path, 1.0);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(LoraTest, RefusesFilesThatAreNoLora) {
  EXPECT_THAT(error_of({{"conv_in.weight", at::zeros({2, 2})}}), HasSubstr("holds no LoRA factors"));
  EXPECT_THAT(error_of({{"unet.a.lora_A.weight", at::zeros({2, 4})}}), HasSubstr("lacks its up factor"));
  EXPECT_THAT(
      error_of({{"unet.a.lora_A.weight", at::zeros({2, 4})}, {"unet.a.lora_B.weight", at::zeros({4, 3})}}),
      HasSubstr("do not match"));
}

}  // namespace reel::models::lora_test
