// SynopsisPrompt on a tiny random model: which frame and which row is told what.
#include <gtest/gtest.h>

#include "models/files/safetensors.h"
#include "tests/pipeline/engine_bench.h"
#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::synopsis_prompt_test {

constexpr int64_t kFrames = 16, kStages = 5;
constexpr int64_t kKnots[kStages] = {0, 3, 7, 11, 15};
const std::vector<std::string> kTexts = {"a fox", "snow", "a red house", "night", "two dogs"};

class SynopsisPromptTest : public testing::Test {
 protected:
  SynopsisPromptTest() {
    models::write_safetensors(folder_ / "noise.safetensors",
                              {{"latents", at::arange(2 * 4 * kFrames * 4 * 4, at::kFloat)
                                               .mul(0.7)
                                               .sin()
                                               .mul(1.4)
                                               .reshape({2, 4, kFrames, 4, 4})}});
  }

  static Node plain(const std::string& text) {
    return {"positive", "CLIPTextEncode", {{"clip", Link{"model", 1}}, {"text", text}}, ""};
  }
  static Node synopsis(const std::vector<std::string>& stages, const std::string& blend = "linear") {
    std::string text;
    for (const std::string& stage : stages) text += stage + "\n";
    return {"positive",
            "SynopsisPrompt",
            {{"clip", Link{"model", 1}}, {"synopsis", text}, {"length", kFrames}, {"blend", blend}},
            ""};
  }

  at::Tensor context(Node positive) {
    Graph graph;
    graph.nodes = {model(), std::move(positive)};
    const std::vector<std::string> wanted = {"positive"};
    bench_.run(graph, wanted);
    return std::get<PromptContext>(bench_.values("positive")->front()).context;
  }

  /// Samples with `rows` of the start noise from `first` on; returns the latents.
  at::Tensor sample(Node positive, int64_t first, int64_t rows, const std::string& maps = "") {
    const std::string noise =
        folder_ / ("noise-" + std::to_string(first) + std::to_string(rows) + ".safetensors");
    models::write_safetensors(
        noise,
        {{"latents", models::read_tensor(folder_ / "noise.safetensors", "latents").narrow(0, first, rows)}});
    bench_.request.access.replace = true;  // the maps of one run take the place of another's
    Graph graph;
    Node negative = plain("");
    negative.id = "negative";
    graph.nodes = {model(), std::move(positive), std::move(negative)};
    Link source{"model", 0};
    if (!maps.empty()) {
      graph.nodes.push_back({"tap",
                             "TapAttention",
                             {{"model", source},
                              {"selector", std::string("kind=cross steps=0")},
                              {"keep", std::string("maps")},
                              {"file", maps}},
                             ""});
      source = {"tap", 0};
    }
    graph.nodes.push_back(
        {"latent",
         "EmptyLatentVideo",
         {{"width", int64_t{8}}, {"height", int64_t{8}}, {"length", kFrames}, {"batch_size", rows}},
         ""});
    graph.nodes.push_back({"sampler",
                           "KSampler",
                           {{"model", source},
                            {"positive", Link{"positive", 0}},
                            {"negative", Link{"negative", 0}},
                            {"latent_image", Link{"latent", 0}},
                            {"steps", int64_t{2}},
                            {"cfg", 5.0},
                            {"initial_noise", noise}},
                           ""});
    const std::vector<std::string> wanted = {"sampler"};
    bench_.run(graph, wanted);
    return std::get<Latent>(bench_.values("sampler")->front()).samples;
  }

  static Node model() {
    return {"model", "DiffusersLoader", {{"model_path", models::golden_folder("pipelines/merged_ddim")}}, ""};
  }

  TemporaryFolder folder_;
  const std::unique_ptr<const Plugins> plugins_ = every_plugin();
  EngineBench bench_{*plugins_, {.dtype = at::kFloat}};
};

TEST_F(SynopsisPromptTest, KnotsHaveTheContextOfTheirStageAlone) {
  for (const char* blend : {"linear", "hold"}) {
    const at::Tensor scheduled = context(synopsis(kTexts, blend));
    ASSERT_EQ(scheduled.size(1), kFrames);
    for (int64_t l = 0; l < kStages; ++l)
      EXPECT_TRUE(close(scheduled[0][kKnots[l]], context(plain(kTexts[l]))[0], 0, 1e-5))
          << blend << ", stage " << l;
  }
}

TEST_F(SynopsisPromptTest, AFrameBetweenTwoKnotsHasTheirMean) {
  const at::Tensor expected = (context(plain(kTexts[1]))[0] + context(plain(kTexts[2]))[0]) / 2;
  EXPECT_TRUE(close(context(synopsis(kTexts))[0][5], expected, 0, 1e-5));
}

TEST_F(SynopsisPromptTest, OneStageIsThePlainPromptBitForBit) {
  EXPECT_TRUE(at::equal(context(synopsis({"a fox"})), context(plain("a fox"))));
}

TEST_F(SynopsisPromptTest, EqualStagesGiveTheVideoOfThePlainPrompt) {
  const at::Tensor expected = sample(plain("a fox"), 0, 1);
  EXPECT_TRUE(close(sample(synopsis({"a fox", "a fox", "a fox"}), 0, 1), expected, 0, 1e-4));
}

// The first cross-attention of the first step sees hidden states that no text has touched yet: at a knot its
// map is that of the stage's plain prompt, in the conditional rows of every video of the batch, and the
// unconditional rows do not know of the synopsis.
TEST_F(SynopsisPromptTest, EachFrameOfEachRowAttendsToItsOwnStage) {
  sample(synopsis(kTexts), 0, 2, folder_ / "synopsis.safetensors");
  const std::string site = "down_blocks.0.attentions.0.transformer_blocks.0.attn2/step0";
  const at::Tensor all = models::read_tensor(folder_ / "synopsis.safetensors", site);
  ASSERT_EQ(all.size(0), 4);        // unconditional twice, then conditional twice
  ASSERT_EQ(all.size(1), kFrames);  // the independent sequences of a row
  for (int64_t l = 0; l < kStages; ++l) {
    sample(plain(kTexts[l]), 0, 2, folder_ / "plain.safetensors");
    const at::Tensor plain_map = models::read_tensor(folder_ / "plain.safetensors", site);
    for (int64_t row = 0; row < 4; ++row)
      EXPECT_TRUE(close(all[row][kKnots[l]], plain_map[row][kKnots[l]], 0, 1e-5))
          << "stage " << l << ", row " << row;
    const int64_t other = kKnots[(l + 1) % kStages];
    EXPECT_GT((all[2][other] - plain_map[2][other]).abs().max().item<double>(), 1e-3) << "stage " << l;
    EXPECT_TRUE(close(all[1][other], plain_map[1][other], 0, 1e-5)) << "stage " << l;
  }
}

TEST_F(SynopsisPromptTest, ABatchIsItsVideos) {
  const at::Tensor both = sample(synopsis(kTexts), 0, 2);
  for (int64_t row = 0; row < 2; ++row)
    EXPECT_TRUE(close(both.narrow(0, row, 1), sample(synopsis(kTexts), row, 1), 0, 1e-4)) << row;
}

TEST_F(SynopsisPromptTest, RefusesMoreStagesThanFrames) {
  EXPECT_THROW(context(synopsis(std::vector<std::string>(17, "a fox"))), std::exception);
}

}  // namespace reel::pipeline::synopsis_prompt_test
