// LoraLoader: which weights a LoRA changes, and by how much.
#include <gmock/gmock.h>

#include "models/files/safetensors.h"
#include "tests/pipeline/nodes/node_testing.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::lora_loader_test {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kTextLayer = "encoder.layers.0.mlp.fc1";
constexpr const char* kNetworkLayer = "time_embedding.linear_1";

class LoraLoaderTest : public testing::Test {
 protected:
  LoraLoaderTest() {
    models::write_safetensors(
        lora_, {{"text_encoder.text_model." + std::string(kTextLayer) + ".lora_A.weight", down(24)},
                {"text_encoder.text_model." + std::string(kTextLayer) + ".lora_B.weight", up(48)},
                {"unet." + std::string(kNetworkLayer) + ".lora_A.weight", down(8)},
                {"unet." + std::string(kNetworkLayer) + ".lora_B.weight", up(32)}});
  }
  static at::Tensor down(int64_t inputs) { return waves({2, inputs}); }
  static at::Tensor up(int64_t outputs) { return waves({outputs, 2}).cos(); }

  struct Handles {
    ModelHandle model;
    ClipHandle clip;
  };
  Handles add(Handles to, const std::string& file, double model_strength, double clip_strength) {
    const auto out = bench_.run("LoraLoader", {{"model", to.model},
                                               {"clip", to.clip},
                                               {"lora_name", file},
                                               {"strength_model", model_strength},
                                               {"strength_clip", clip_strength}});
    return {std::get<ModelHandle>(out.at(0)), std::get<ClipHandle>(out.at(1))};
  }
  Handles tiny() { return {tiny_network(bench_), {tiny_folder(), {}, 0}}; }

  at::Tensor sampled(const ModelHandle& model) {
    const PromptContext text{encoded(bench_, "a fox")};
    return bench_
        .get<Latent>("KSampler", {{"model", model},
                                  {"positive", text},
                                  {"negative", text},
                                  {"latent_image", Latent{{}, 1, 2, 8, 8}},
                                  {"steps", 1},
                                  {"cfg", 1.0}})
        .samples;
  }

  /// A copy of the tiny model with strength * up down added to one weight of one component.
  std::string merged(const std::string& component, const std::string& weight, double strength) {
    const fs::path copy = folder_.path() / "merged";
    fs::copy(tiny_model(), copy, fs::copy_options::recursive);
    const Golden original((fs::path(tiny_model()) / component).string());
    std::map<std::string, at::Tensor> tensors;
    int found = 0;
    for (const std::string& name : original.names()) {
      tensors[name] = original[name];
      if (!name.ends_with(weight + ".weight")) continue;
      tensors[name] += at::matmul(up(tensors[name].size(0)), down(tensors[name].size(1))) * strength;
      ++found;
    }
    EXPECT_EQ(found, 1) << weight;
    models::write_safetensors((copy / component).string(), tensors);
    return copy.string();
  }

  NodeBench bench_;
  TemporaryFolder folder_;
  const std::string lora_ = folder_ / "lora.safetensors";
};

TEST_F(LoraLoaderTest, Declares) {
  EXPECT_THAT(bench_.sockets("LoraLoader"),
              ElementsAre("model: MODEL", "clip: CLIP", "lora_name: STRING, file",
                          "strength_model: FLOAT = 1 in -20 to 20", "strength_clip: FLOAT = 1 in -20 to 20",
                          "-> MODEL", "-> CLIP"));
}

TEST_F(LoraLoaderTest, AddsToBothHandlesBehindWhatIsThere) {
  const Handles before = add(tiny(), "a.safetensors", 0.25, 0.5);
  const Handles after = add(before, "b.safetensors", -2, 3);
  ASSERT_EQ(after.model.loras.size(), 2U);
  ASSERT_EQ(after.clip.loras.size(), 2U);
  EXPECT_EQ(after.model.loras[0].path, "a.safetensors");
  EXPECT_EQ(after.model.loras[0].weight, 0.25);
  EXPECT_EQ(after.clip.loras[0].weight, 0.5);
  EXPECT_EQ(after.model.loras[1].path, "b.safetensors");
  EXPECT_EQ(after.model.loras[1].weight, -2);
  EXPECT_EQ(after.clip.loras[1].weight, 3);
  EXPECT_EQ(after.model.folder, before.model.folder);
  EXPECT_EQ(before.model.loras.size(), 1U) << "inputs are shared and stay as they are";
}

TEST_F(LoraLoaderTest, TheClipsStrengthCountsForTheTextEncoder) {
  const Handles handles = add(tiny(), lora_, 5, -0.5);
  const at::Tensor context = encoded(bench_, "a fox", handles.clip);
  const std::string expected = merged("text_encoder/model.safetensors", kTextLayer, -0.5);
  EXPECT_TRUE(close(context, encoded(bench_, "a fox", {models::opened(expected), {}, 0}), 0, 1e-5));
  EXPECT_GT(models::max_error(context, encoded(bench_, "a fox")), 1e-2);
}

TEST_F(LoraLoaderTest, TheModelsStrengthCountsForTheNetwork) {
  const Handles handles = add(tiny(), lora_, 4, -0.5);
  ModelHandle expected = tiny_network(bench_);
  expected.folder = models::opened(merged("unet/diffusion_pytorch_model.safetensors", kNetworkLayer, 4));
  const at::Tensor latent = sampled(handles.model);
  EXPECT_TRUE(close(latent, sampled(expected), 1e-4, 1e-4));
  EXPECT_GT(models::max_error(latent, sampled(tiny_network(bench_))), 2e-3);
  EXPECT_THAT(bench_.run_report.warnings, IsEmpty());
}

TEST_F(LoraLoaderTest, StrengthZeroChangesNoBit) {
  const Handles handles = add(tiny(), lora_, 0, 0);
  EXPECT_TRUE(at::equal(encoded(bench_, "a fox", handles.clip), encoded(bench_, "a fox")));
  EXPECT_TRUE(at::equal(sampled(handles.model), sampled(tiny_network(bench_))));
}

TEST_F(LoraLoaderTest, TheSamplerRefusesLayersThatTheModelLacks) {
  models::write_safetensors(lora_, {{"unet.no_such_layer.lora_A.weight", down(8)},
                                    {"unet.no_such_layer.lora_B.weight", up(32)},
                                    {"unet." + std::string(kNetworkLayer) + ".lora_A.weight", down(8)},
                                    {"unet." + std::string(kNetworkLayer) + ".lora_B.weight", up(32)}});
  const Handles handles = add(tiny(), lora_, 1, 1);
  try {
    sampled(handles.model);
    FAIL() << "a part of the file was left out";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("changes 2 layers of a denoiser, of which 1 is not in"));
    EXPECT_THAT(error.what(), HasSubstr("'unet.no_such_layer'"));
  }
}

}  // namespace reel::pipeline::lora_loader_test
