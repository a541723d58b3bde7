// LoRA files from the world outside, through the real program: the latents that diffusers makes with them, and what is
// said of files that are none. The files and values of tests/golden/lora/first_contact/ are for the golden folder
// pipelines/merged_ddim.
#include <gmock/gmock.h>

#include <fstream>

#include "models/files/safetensors.h"
#include "tests/support/command.h"
#include "tests/support/models.h"

namespace reel::lora_files_test {

using testing::AllOf;
using testing::HasSubstr;

constexpr double kTolerance = 1e-4;  // of latents of about 1

class LoraFiles : public testing::TestWithParam<std::string> {
 protected:
  LoraFiles() {
    models::write_safetensors(folder_ / "init.safetensors", {{"latents", expected_["init_latents"]}});
  }
  static std::string file(const std::string& name) {
    return models::golden_folder("lora/first_contact/" + name);
  }

  CommandResult generate(const std::vector<std::string>& more) {
    std::vector<std::string> words = {"generate",
                                      "a red fox",
                                      "--model",
                                      models::golden_folder("pipelines/merged_ddim"),
                                      "--frames",
                                      "4",
                                      "--size",
                                      "24x16",
                                      "--steps",
                                      "2",
                                      "--guidance",
                                      "5",
                                      "--dtype",
                                      "f32",
                                      "--init-latents",
                                      "init.safetensors",
                                      "--save-tensors",
                                      "t.safetensors",
                                      "-o",
                                      "a.mp4",
                                      "-y"};
    words.insert(words.end(), more.begin(), more.end());
    return reel_command(folder_, words);
  }
  at::Tensor latents(const std::vector<std::string>& more) {
    std::filesystem::remove(folder_ / "t.safetensors");
    const CommandResult result = generate(more);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.code == 0 ? models::read_tensor(folder_ / "t.safetensors", "latents") : at::zeros({1});
  }
  std::string refusal(const std::vector<std::string>& more) {
    const CommandResult result = generate(more);
    EXPECT_EQ(result.code, 4) << result.err;
    return result.err;
  }

  Golden expected_{"lora/first_contact/expected.safetensors"};
  TemporaryFolder folder_;
};

TEST_P(LoraFiles, GivesTheLatentsOfDiffusers) {
  EXPECT_LE(models::max_error(latents({"--lora", file(GetParam() + ".safetensors")}), expected_[GetParam()]),
            kTolerance);
}

INSTANTIATE_TEST_SUITE_P(All, LoraFiles,
                         testing::Values("plain", "default_0", "rslora", "dora_peft", "mixed_alpha_kohya",
                                         "mixed_rank_no_alpha"),
                         [](const auto& info) { return info.param; });

class LoraMessages : public LoraFiles {};

TEST_F(LoraMessages, EveryOtherFileChangesTheVideo) {
  for (const char* name :
       {"peft_base_model.safetensors", "dora_kohya.safetensors", "locon_mid.safetensors", "loha.safetensors"})
    EXPECT_GT(models::max_error(latents({"--lora", file(name)}), expected_["base"]), 1e-2) << name;
  // Its names fit, behind `module.` and with `processor`; its layers are those of a wider model.
  EXPECT_THAT(refusal({"--lora", file("v3_adapter_module.ckpt")}),
              AllOf(HasSubstr("is [8, 8]"), HasSubstr("it was trained for another model")));
}

TEST_F(LoraMessages, AFileThatIsNoLoraIsNamed) {
  const at::Tensor two = at::zeros({2, 2});
  const auto said = [&](const char*, const std::map<std::string, at::Tensor>& tensors) {
    models::write_safetensors(folder_ / "x.safetensors", tensors);
    return refusal({"--lora", "x.safetensors"});
  };
  EXPECT_THAT(
      said("motion module", {{"down_blocks.0.motion_modules.0.temporal_transformer.proj_in.weight", two}}),
      HasSubstr("it is a motion module; give it with --motion-adapter"));
  EXPECT_THAT(said("checkpoint", {{"model.diffusion_model.input_blocks.0.0.weight", two}}),
              HasSubstr("it is a whole checkpoint of a UNet"));
  EXPECT_THAT(said("embedding", {{"<cat>", two}}), HasSubstr("an embedding (textual inversion)"));
  EXPECT_THAT(said("part", {{"unet.conv_in.lora_A.weight", two},
                            {"unet.conv_in.lora_B.weight", two},
                            {"unet.conv_in.oft_R", two}}),
              HasSubstr("not understood beside its LoRA factors: 'unet.conv_in.oft_R'"));
  EXPECT_THAT(said("stranger", {{"unet.blocks.7.lora_A.weight", two}, {"unet.blocks.7.lora_B.weight", two}}),
              AllOf(HasSubstr("none is in"), HasSubstr("trained for another model")));
}

TEST_F(LoraMessages, WebPagesAndPicklesAreNamed) {
  const auto said = [&](const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name) << bytes;
    return refusal({"--lora", name});
  };
  const std::string page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n";
  for (const char* name : {"page.safetensors", "page.ckpt"})
    EXPECT_THAT(said(name, page), HasSubstr("an HTML page")) << name;
  EXPECT_THAT(said("zip.safetensors", std::string("PK\x03\x04 and more bytes than eight")),
              HasSubstr("rename it to .ckpt"));
  EXPECT_THAT(said("old.safetensors", "\x80\x02}q\x01and more bytes"), HasSubstr("is a pickle"));
  EXPECT_THAT(said("lfs.safetensors", "version https://git-lfs.github.com/spec/v1\n"),
              HasSubstr("git lfs pull"));
  EXPECT_THAT(said("error.safetensors", "{\"error\": \"not found\"}"), HasSubstr("it is JSON text"));
  EXPECT_THAT(said("none.safetensors", ""), HasSubstr("it is empty"));
}

TEST_F(LoraMessages, AMotionAdapterThatIsNoneIsNamed) {
  const at::Tensor two = at::zeros({2, 2});
  const auto said = [&](const std::map<std::string, at::Tensor>& tensors) {
    models::write_safetensors(folder_ / "x.safetensors", tensors);
    return refusal({"--motion-adapter", "x.safetensors"});
  };
  const std::string module =
      "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.";
  EXPECT_THAT(said({{module + "processor.to_q_lora.down.weight", two},
                    {module + "processor.to_q_lora.up.weight", two}}),
              HasSubstr("x.safetensors] is a motion LoRA, not a motion adapter; give it with --lora"));
  EXPECT_THAT(said({{"unet.conv_in.lora_A.weight", two}}),
              HasSubstr("is a LoRA, not a motion adapter; give it with --lora"));
  EXPECT_THAT(said({{module + "to_q.weight", two}, {"down_blocks.0.resnets.0.conv1.weight", two}}),
              AllOf(HasSubstr("x.safetensors] is a whole checkpoint of a UNet, as training saves it"),
                    HasSubstr("motion modules alone")));
}

}  // namespace reel::lora_files_test
