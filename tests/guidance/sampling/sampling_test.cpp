#include "guidance/sampling/sampling.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include "tests/support/golden.h"

namespace reel::guidance::sampling_test {

using Log = std::vector<std::string>;

class LoggingDenoiser : public models::Denoiser {
 public:
  explicit LoggingDenoiser(Log& log) : log_(log) {}
  std::unique_ptr<models::DenoiserState> begin(const models::Conditioning&) const override {
    return std::make_unique<models::DenoiserState>();
  }
  at::Tensor predict(const at::Tensor& latent, const Step& step, models::DenoiserState&,
                     attention::Processor&) const override {
    EXPECT_TRUE(c10::InferenceMode::is_enabled());
    log_.push_back(c10::str("predict ", step.index, " of ", latent[0].item<float>()));
    return at::full({1}, 10.0 * (step.index + 1));
  }
  const std::vector<attention::Site>& sites() const override { return sites_; }

 private:
  Log& log_;
  std::vector<attention::Site> sites_;
};

/// Adds prediction and noise to the latent; inputs are halved.
class LoggingScheduler : public Scheduler {
 public:
  explicit LoggingScheduler(Log& log) : log_(log) {}
  const std::vector<Step>& steps() const override { return steps_; }
  double initial_noise_scale() const override { return 4; }
  at::Tensor advance(const Step& step, const at::Tensor& prediction, const at::Tensor& latent,
                     const NoiseSource& noise) override {
    log_.push_back(c10::str("advance ", step.index));
    estimate_ = prediction * 2;
    return latent + prediction + noise(step.index);
  }
  at::Tensor add_noise(const at::Tensor& sample, const at::Tensor&, const Step&) const override {
    return sample;
  }
  at::Tensor estimate() const override { return estimate_; }

 private:
  Log& log_;
  std::vector<Step> steps_ = {{.index = 0, .count = 2, .input_scale = 0.5},
                              {.index = 1, .count = 2, .input_scale = 0.5}};
  at::Tensor estimate_;
};

/// Logs the steps it hears of.
class LoggingEdit : public attention::Edit {
 public:
  explicit LoggingEdit(Log& log) : log_(log) {}
  attention::Hooks hooks() const override { return {.inputs = true}; }
  void begin_step(const Step& step) override { log_.push_back(c10::str("edit ", step.index)); }
  void finish() override { log_.push_back("edit done"); }

 private:
  Log& log_;
};

struct LoggedRun {
  Log log;
  LoggingDenoiser denoiser{log};
  LoggingScheduler scheduler{log};
  attention::Processor attend{{{"log", "log", attention::Selector::parse(""),
                                [this] { return std::make_unique<LoggingEdit>(log); }}}};
  SamplingCallbacks callbacks;
  at::Tensor operator()() {
    return sample(
        denoiser, scheduler, {}, at::ones({1}), [](int index) { return at::full({1}, 0.5 + index); }, attend,
        callbacks);
  }
};

TEST(SamplingTest, PredictsAndAdvancesOncePerStep) {
  LoggedRun run;
  run.callbacks.before_step = [&](const Step& step) { run.log.push_back(c10::str("before ", step.index)); };
  run.callbacks.after_step = [&](const Step& step, const at::Tensor& estimate) {
    run.log.push_back(c10::str("after ", step.index, " estimate ", estimate.item<float>()));
  };
  const at::Tensor latent = run();
  EXPECT_EQ(run.log, (Log{"before 0", "edit 0", "predict 0 of 2", "advance 0", "after 0 estimate 20",  //
                          "before 1", "edit 1", "predict 1 of 7.25", "advance 1", "after 1 estimate 40",
                          "edit done"}));
  EXPECT_EQ(latent.item<float>(), 4 + 10 + 0.5 + 20 + 1.5);
  EXPECT_EQ(latent.scalar_type(), at::kFloat);
}

TEST(SamplingTest, ACallbackThatThrowsEndsTheRun) {
  LoggedRun run;
  run.callbacks.before_step = [](const Step& step) {
    if (step.index == 1) throw std::runtime_error("cancelled");
  };
  EXPECT_THROW(run(), std::runtime_error);
  EXPECT_EQ(run.log, (Log{"edit 0", "predict 0 of 2", "advance 0"}));
}

TEST(SamplingTest, HalfPrecisionNoiseIsSampledInFullPrecision) {
  LoggedRun run;
  const at::Tensor latent = sample(
      run.denoiser, run.scheduler, {}, at::ones({1}, at::kHalf), [](int) { return at::zeros({1}); },
      run.attend);
  EXPECT_EQ(latent.scalar_type(), at::kFloat);
}

// Printed by PyTorch 2.13: g = torch.Generator().manual_seed(42), then torch.randn of these shapes with
// generator=g. Draws of 16 numbers and more are made by another routine than shorter ones.
const std::vector<float> kFirst = {0.336690366f, 0.128809407f, 0.234462366f,
                                   0.23033303f,  -1.12285638f, -0.186328292f};
const std::vector<float> kSecond = {-0.248257503f, -1.20821476f,  -0.477667451f, 0.520131171f, 1.64231694f,
                                    -0.159597471f, -0.497397542f, 0.439589262f,  0.31888032f,  -0.424518973f,
                                    0.305720925f,  -0.774592519f, 0.0349123441f, 0.321103007f, 1.57360017f,
                                    -0.845467448f, -1.27415121f,  2.12278509f,   -1.23465312f, -0.487913877f,
                                    -1.41805995f,  0.896268308f,  0.0499053858f, 2.26671791f};
const std::vector<float> kThird = {0.522716045f, -0.238356873f,   -0.0499033481f,
                                   0.526336968f, -0.00849882327f, 0.72906059f};

TEST(SeededNoiseTest, EqualsTorchRandnAndGoesOnLikeIt) {
  SeededNoise noise(42);
  // 1e-6: logarithm and cosine of the transformation differ in the last bit between instruction sets.
  EXPECT_TRUE(close(noise.draw({2, 3}), at::tensor(kFirst).reshape({2, 3}), 1e-6, 1e-6));
  const NoiseSource source = noise.source({1, 2, 3, 4});
  EXPECT_TRUE(close(source(7), at::tensor(kSecond).reshape({1, 2, 3, 4}), 1e-6, 1e-6))
      << "the index plays no part";
  EXPECT_TRUE(close(noise.draw({2, 3}), at::tensor(kThird).reshape({2, 3}), 1e-6, 1e-6))
      << "copies share the stream";
}

TEST(SeededNoiseTest, ASeedMeansTheSameEachTime) {
  EXPECT_TRUE(at::equal(seeded_noise(7, {2, 4, 3}), seeded_noise(7, {2, 4, 3})));
  EXPECT_FALSE(at::equal(seeded_noise(7, {2, 4, 3}), seeded_noise(8, {2, 4, 3})));
  EXPECT_EQ(seeded_noise(7, {2}).scalar_type(), at::kFloat);
}

TEST(SeededNoiseTest, SourcesOutliveTheObjectTheyCameFrom) {
  NoiseSource source;
  {
    SeededNoise noise(42);
    noise.draw({2, 3});
    source = noise.source({1, 2, 3, 4});
  }
  EXPECT_TRUE(close(source(0), at::tensor(kSecond).reshape({1, 2, 3, 4}), 1e-6, 1e-6));
}

}  // namespace reel::guidance::sampling_test
