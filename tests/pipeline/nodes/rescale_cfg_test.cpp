// RescaleCFG: the guided prediction with its deviation brought back.
#include <gmock/gmock.h>

#include "models/files/safetensors.h"
#include "tests/pipeline/nodes/node_testing.h"
#include "tests/support/denoisers.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::rescale_cfg_test {

using testing::ElementsAre;

const std::vector<int64_t> kShape = {2, 4, 2, 4, 4};

ModelHandle rescaled(NodeBench& bench, const ModelHandle& model, double multiplier) {
  return bench.get<ModelHandle>("RescaleCFG", {{"model", model}, {"multiplier", multiplier}});
}

/// Contexts far apart, so that guidance has much to do.
at::Tensor conditional() { return waves({1, 5, 24}) * 30; }
at::Tensor unconditional() { return waves({1, 5, 24}).cos() * 30; }

/// One step with guidance of scale 6.
at::Tensor sampled(NodeBench& bench, const ModelHandle& model) {
  const TemporaryFolder folder;
  models::write_safetensors(folder / "noise.safetensors", {{"latents", waves(kShape)}});
  return bench
      .get<Latent>("KSampler", {{"model", model},
                                {"positive", PromptContext{conditional()}},
                                {"negative", PromptContext{unconditional()}},
                                {"latent_image", Latent{{}, 2, 2, 8, 8}},
                                {"steps", 1},
                                {"cfg", 6.0},
                                {"initial_noise", folder / "noise.safetensors"}})
      .samples;
}

TEST(RescaleCfgTest, Declares) {
  EXPECT_THAT(NodeBench().sockets("RescaleCFG"),
              ElementsAre("model: MODEL", "multiplier: FLOAT = 0.7 in 0 to 1", "-> MODEL"));
}

TEST(RescaleCfgTest, ChangesACopyOfTheHandleAndNothingElse) {
  NodeBench bench;
  const ModelHandle model = tiny_network(bench), changed = rescaled(bench, model, 0.4);
  EXPECT_THAT(changed.guiders, ElementsAre("cfg:rescale=0.4"));
  EXPECT_TRUE(model.guiders.empty());
  EXPECT_EQ(changed.folder, model.folder);
  EXPECT_THAT(rescaled(bench, changed, 0.1).guiders, ElementsAre("cfg:rescale=0.1"))
      << "the last of several decides";
}

TEST(RescaleCfgTest, ZeroChangesNoBit) {
  NodeBench bench;
  const ModelHandle model = tiny_network(bench);
  EXPECT_TRUE(at::equal(sampled(bench, rescaled(bench, model, 0)), sampled(bench, model)));
}

// The formula of the paper in double: x_cfg = u + s (c - u), x_rescaled = x_cfg std(c) / std(x_cfg) for each
// video, and their mixture.
TEST(RescaleCfgTest, BringsBackTheDeviationOfTheConditionalPrediction) {
  NodeBench bench;
  const ModelHandle model = tiny_network(bench);
  const auto denoiser = bench.context.models->denoiser(model);
  const auto scheduler = guidance::make_scheduler(*bench.context.schedulers, model.folder->scheduler, "", 1);
  const Step step = scheduler->steps()[0];
  const at::Tensor latent = waves(kShape), text = conditional(), none = unconditional();
  models::Conditioning condition;
  condition.context = at::cat({none, none, text, text});
  condition.rows.resize(4);
  attention::Processor attend;
  attend.begin_step(step);
  const at::Tensor both =
      models::predict_once(*denoiser, at::cat({latent, latent}), step, condition, attend).to(at::kDouble);
  const at::Tensor u = both.narrow(0, 0, 2), c = both.narrow(0, 2, 2), guided = u + 6 * (c - u);
  at::Tensor restored = guided.clone();
  for (int64_t row = 0; row < 2; ++row)
    restored[row] *= c[row].std().item<double>() / guided[row].std().item<double>();
  for (const double multiplier : {0.7, 1.0}) {
    const at::Tensor answer = multiplier * restored + (1 - multiplier) * guided;
    const at::Tensor expected = scheduler->advance(step, answer.to(at::kFloat), latent, nullptr);
    const at::Tensor actual = sampled(bench, rescaled(bench, model, multiplier));
    EXPECT_TRUE(close(actual, expected, 1e-4, 1e-4)) << multiplier;
    EXPECT_GT(models::max_error(actual, sampled(bench, model)), 1e-2) << multiplier;
  }
}

}  // namespace reel::pipeline::rescale_cfg_test
