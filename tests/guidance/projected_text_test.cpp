// How often a run projects its text: once, since keys and values of the text are the same at every step.
#include <ATen/record_function.h>

#include "guidance/classifier_free.h"
#include "guidance/sampling/sampling.h"
#include "tests/support/denoisers.h"

namespace reel::guidance::projected_text_test {

/// How many rows of text matrix products have read. A text is known by its size [..., tokens, width].
struct TextReads {
  int64_t tokens, width, rows = 0;
};
thread_local TextReads* counted = nullptr;

std::unique_ptr<at::ObserverContext> count(const at::RecordFunction& op) {
  if (std::string(op.name()) != "aten::linear" || !op.inputs().front().isTensor()) return nullptr;
  const at::Tensor x = op.inputs().front().toTensor();
  if (x.dim() > 2 && x.size(-2) == counted->tokens && x.size(-1) == counted->width) ++counted->rows;
  return nullptr;
}

/// Calls the network at three steps.
class ThreeSteps : public Scheduler {
 public:
  const std::vector<Step>& steps() const override { return steps_; }
  double initial_noise_scale() const override { return 1; }
  at::Tensor advance(const Step&, const at::Tensor& prediction, const at::Tensor& latent,
                     const NoiseSource&) override {
    return latent + prediction * 0.1;
  }
  at::Tensor add_noise(const at::Tensor& sample, const at::Tensor&, const Step&) const override {
    return sample;
  }
  at::Tensor estimate() const override { return {}; }

 private:
  std::vector<Step> steps_ = {{.index = 0, .count = 3, .timestep = 900},
                              {.index = 1, .count = 3, .timestep = 500},
                              {.index = 2, .count = 3, .timestep = 100}};
};

class ProjectedText : public testing::TestWithParam<bool> {};

TEST_P(ProjectedText, IsMadeOncePerRun) {
  const auto files = models::golden_component("unet_motion/merged_mid_motion");
  const auto network = models::families().of(files.config).denoiser(files, {});
  const Golden golden("unet_motion/merged_mid_motion/golden.safetensors");
  const at::Tensor text = golden["run0/encoder_hidden_states"].narrow(0, 0, 1);  // [1, L, D]
  const at::Tensor latent = golden["run0/sample"].narrow(0, 0, 1);
  models::Conditioning condition;
  condition.context = at::cat({text, text * 0.5});
  condition.rows = {{.conditional = false}, {.conditional = true}};
  int64_t cross = 0;
  for (const attention::Site& site : network->sites()) cross += site.kind == attention::SiteKind::kCross;
  ASSERT_GT(cross, 0);

  TextReads reads{text.size(1), text.size(2)};
  counted = &reads;
  const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(count).needsInputs(true));
  ThreeSteps scheduler;
  attention::Processor attend;
  sample(ClassifierFree(*network, {.scale = 7.5, .two_passes = GetParam()}), scheduler, condition, latent, {},
         attend);
  at::removeCallback(handle);
  EXPECT_EQ(reads.rows, 2 * cross) << "each site projects the text of both halves";
}

INSTANTIATE_TEST_SUITE_P(Passes, ProjectedText, testing::Bool(), [](const auto& info) {
  return info.param ? std::string("Two") : std::string("One");
});

}  // namespace reel::guidance::projected_text_test
