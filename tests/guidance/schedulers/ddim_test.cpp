// `ddim` against equations 12 and 16 of "Denoising Diffusion Implicit Models" (2010.02502), in double.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/guidance/schedulers/scheduler_testing.h"

namespace reel::guidance::ddim_test {

using testing::HasSubstr;

/// A training of four noise levels. Two trailing steps are at timesteps 3 and 1.
const std::string kFour = R"("num_train_timesteps": 4, "trained_betas": [0.1, 0.2, 0.3, 0.4],
                             "clip_sample": false, "timestep_spacing": "trailing")";
constexpr double kAlphas[] = {0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7, 0.9 * 0.8 * 0.7 * 0.6};

const at::Tensor kLatent = pattern(kShape, 1) * 3, kAnswer = pattern(kShape, 2), kNoise = pattern(kShape, 3);

at::Tensor advanced(Scheduler& scheduler, size_t step) {
  return scheduler.advance(scheduler.steps()[step], kAnswer, kLatent, [](int) { return kNoise; });
}

/// The latent at level `target`, from the clean sample and the noise at level `alpha`.
at::Tensor by_hand(const at::Tensor& clean, const at::Tensor& epsilon, double alpha, double target,
                   double eta) {
  const double sigma = eta * std::sqrt((1 - target) / (1 - alpha)) * std::sqrt(1 - alpha / target);
  return std::sqrt(target) * clean.to(at::kDouble) +
         std::sqrt(1 - target - sigma * sigma) * epsilon.to(at::kDouble) + sigma * kNoise.to(at::kDouble);
}

at::Tensor clean_of_epsilon(double alpha) {
  return (kLatent.to(at::kDouble) - std::sqrt(1 - alpha) * kAnswer.to(at::kDouble)) / std::sqrt(alpha);
}

TEST(DdimTest, MovesTheEstimateAndTheNoiseToTheNextLevel) {
  for (const double eta : {0.0, 0.6, 1.0}) {
    const auto scheduler = make(kFour, "ddim:eta=" + to_text(eta), 2);
    EXPECT_EQ(scheduler->steps()[0].timestep, 3);
    const at::Tensor clean = clean_of_epsilon(kAlphas[3]);
    EXPECT_TRUE(
        close(advanced(*scheduler, 0), by_hand(clean, kAnswer, kAlphas[3], kAlphas[1], eta), 1e-5, 1e-6))
        << eta;
    EXPECT_TRUE(close(scheduler->estimate(), clean, 1e-5, 1e-6));
  }
}

TEST(DdimTest, TakesEachKindOfPredictionForWhatItMeans) {
  const double signal = std::sqrt(kAlphas[3]), noise = std::sqrt(1 - kAlphas[3]);
  const at::Tensor x = kLatent.to(at::kDouble), answer = kAnswer.to(at::kDouble);
  const auto velocity = make(kFour, "ddim:eta=0.6,prediction=v", 2);
  EXPECT_TRUE(
      close(advanced(*velocity, 0),
            by_hand(signal * x - noise * answer, signal * answer + noise * x, kAlphas[3], kAlphas[1], 0.6),
            1e-5, 1e-6));
  const auto sample = make(kFour, "ddim:eta=0.6,prediction=sample", 2);
  EXPECT_TRUE(close(advanced(*sample, 0),
                    by_hand(answer, (x - signal * answer) / noise, kAlphas[3], kAlphas[1], 0.6), 1e-5, 1e-6));
}

TEST(DdimTest, EndsOnTheCleanEstimateOrAtTheFirstTrainingLevel) {
  const auto clean = make(kFour, "ddim", 2);
  const at::Tensor end = advanced(*clean, 1);
  EXPECT_TRUE(at::equal(end, clean->estimate()));
  const auto noisy = make(kFour + R"(, "set_alpha_to_one": false)", "ddim", 2);
  EXPECT_TRUE(close(advanced(*noisy, 1),
                    by_hand(clean_of_epsilon(kAlphas[1]), kAnswer, kAlphas[1], kAlphas[0], 0), 1e-5, 1e-6));
}

TEST(DdimTest, TheTargetLiesAWholeStrideBelow) {
  // Two trailing steps of five are at 4 and 1; the stride is 2, so the first one leads to the level of 2.
  const auto scheduler = make(R"("num_train_timesteps": 5, "trained_betas": [0.1, 0.2, 0.3, 0.4, 0.5],
                                 "clip_sample": false, "timestep_spacing": "trailing")",
                              "ddim", 2);
  EXPECT_EQ(scheduler->steps()[1].timestep, 1);
  const double alpha = kAlphas[3] * 0.5;
  EXPECT_TRUE(close(advanced(*scheduler, 0), by_hand(clean_of_epsilon(alpha), kAnswer, alpha, kAlphas[2], 0),
                    1e-5, 1e-6));
}

TEST(DdimTest, CutsTheEstimateButNotTheNoise) {
  const std::string file = R"("num_train_timesteps": 4, "trained_betas": [0.1, 0.2, 0.3, 0.4],
                              "timestep_spacing": "trailing")";
  const at::Tensor clean = clean_of_epsilon(kAlphas[3]);
  ASSERT_GT(clean.abs().max().item<double>(), 1);
  const auto absent = make(file, "ddim", 2);  // the class clips unless told
  EXPECT_TRUE(close(advanced(*absent, 0), by_hand(clean.clamp(-1, 1), kAnswer, kAlphas[3], kAlphas[1], 0),
                    1e-5, 1e-6));
  const auto wider = make(file + R"(, "clip_sample_range": 1.5)", "ddim", 2);
  advanced(*wider, 0);
  EXPECT_TRUE(close(wider->estimate(), clean.clamp(-1.5, 1.5), 1e-5, 1e-6));
  const auto off = make(file, "ddim:clip=false", 2);
  advanced(*off, 0);
  EXPECT_TRUE(close(off->estimate(), clean, 1e-5, 1e-6));
}

TEST(DdimTest, AddsNoiseAtTheLevelOfAStep) {
  const auto scheduler = make(kFour, "ddim", 2);
  const at::Tensor expected = std::sqrt(kAlphas[1]) * kLatent + std::sqrt(1 - kAlphas[1]) * kNoise;
  EXPECT_TRUE(close(scheduler->add_noise(kLatent, kNoise, scheduler->steps()[1]), expected, 1e-5, 1e-6));
  EXPECT_EQ(scheduler->initial_noise_scale(), 1);
  EXPECT_EQ(scheduler->steps()[1].input_scale, 1);
  EXPECT_NEAR(scheduler->steps()[1].sigma, std::sqrt((1 - kAlphas[1]) / kAlphas[1]), 1e-6);
}

TEST(DdimTest, UndoesTheShrinkingOfLatentsThatItsFileTellsOf) {
  // Clean samples were multiplied by 1, 0.8, 0.6 and 0.6 at the four timesteps.
  const auto scheduler =
      make(kFour + R"(, "use_scale": true, "scale_b": 0.6, "mid_step": 3)", "ddim:eta=0.5", 2);
  const at::Tensor clean = clean_of_epsilon(kAlphas[3]) / 0.6;
  EXPECT_TRUE(
      close(advanced(*scheduler, 0), by_hand(clean * 0.8, kAnswer, kAlphas[3], kAlphas[1], 0.5), 1e-5, 1e-6));
  EXPECT_TRUE(close(scheduler->estimate(), clean, 1e-5, 1e-6)) << "the estimate is of the latent's own size";
  const at::Tensor noised = scheduler->add_noise(kLatent, kNoise, scheduler->steps()[0]);
  EXPECT_TRUE(
      close(noised, std::sqrt(kAlphas[3]) * 0.6 * kLatent + std::sqrt(1 - kAlphas[3]) * kNoise, 1e-5, 1e-6));
}

TEST(DdimTest, VelocityFromPureNoiseAtFullEtaStaysFinite) {
  // Nothing of the old noise may remain; rounding must not take the root of a negative number.
  for (const int count : {7, 13, 25}) {
    const auto scheduler =
        make(kScaled + R"(, "timestep_spacing": "trailing", "prediction_type": "v_prediction",
                                              "rescale_betas_zero_snr": true, "clip_sample": false)",
             "ddim:eta=1", count);
    EXPECT_TRUE(advanced(*scheduler, 0).isfinite().all().item<bool>()) << count;
  }
}

TEST(DdimTest, StandsInForPndm) {
  // Stable Diffusion 1.5's file.
  const std::string file =
      kScaled + R"(, "_class_name": "PNDMScheduler", "clip_sample": false, "skip_prk_steps": true,
                                          "set_alpha_to_one": false, "steps_offset": 1, "trained_betas": null)";
  const auto own = make(file, "", 20), ddim = make(file, "ddim", 20);
  ASSERT_EQ(own->steps().size(), 20u);
  EXPECT_EQ(own->steps()[0].timestep, 951);
  EXPECT_TRUE(at::equal(advanced(*own, 3), advanced(*ddim, 3)));
}

TEST(DdimTest, OptionsOverrideTheFile) {
  const std::string file =
      kScaled + R"(, "timestep_spacing": "leading", "steps_offset": 1, "clip_sample": false)";
  EXPECT_EQ(make(file, "ddim", 4)->steps()[0].timestep, 751);
  EXPECT_EQ(make(file, "ddim:spacing=trailing", 4)->steps()[0].timestep, 999);
  const auto stochastic = make(kFour + R"(, "eta": 0.6)", "ddim", 2);
  const at::Tensor clean = clean_of_epsilon(kAlphas[3]);
  EXPECT_TRUE(
      close(advanced(*stochastic, 0), by_hand(clean, kAnswer, kAlphas[3], kAlphas[1], 0.6), 1e-5, 1e-6));
  EXPECT_THAT(error_of(file, "ddim:spacing=trailng", 4), HasSubstr("did you mean 'trailing'?"));
  EXPECT_THAT(error_of(file, "ddim:eta=2", 4), HasSubstr("must lie in 0 to 1"));
  EXPECT_THAT(error_of(file, "ddim:etaa=1", 4), HasSubstr("did you mean 'eta'?"));
}

TEST(DdimTest, RefusesStepsAtPureNoiseAndBeyondTheTraining) {
  EXPECT_THAT(
      error_of(kScaled + R"(, "rescale_betas_zero_snr": true, "timestep_spacing": "trailing")", "ddim", 5),
      HasSubstr("timestep 999 is pure noise"));
  EXPECT_THAT(error_of(kScaled + R"(, "timestep_spacing": "leading", "steps_offset": 1)", "ddim", 1000),
              HasSubstr("would be at timestep 1000"));
}

}  // namespace reel::guidance::ddim_test
