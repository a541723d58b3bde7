// `lcm` against algorithm 3 of "Latent Consistency Models" (2310.04378) and the boundary condition of
// "Consistency Models" (2303.01469), appendix C, in double.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/guidance/schedulers/scheduler_testing.h"

namespace reel::guidance::lcm_test {

using testing::ElementsAre;
using testing::HasSubstr;

/// A training of four noise levels, distilled from four steps. Two steps are at timesteps 3 and 1.
const std::string kFour = R"("num_train_timesteps": 4, "trained_betas": [0.1, 0.2, 0.3, 0.4],
                             "original_inference_steps": 4, "timestep_scaling": 0.25)";
constexpr double kAlphas[] = {0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7, 0.9 * 0.8 * 0.7 * 0.6};

const at::Tensor kLatent = pattern(kShape, 1) * 3, kAnswer = pattern(kShape, 2), kNoise = pattern(kShape, 3);

at::Tensor advanced(Scheduler& scheduler, size_t step) {
  return scheduler.advance(scheduler.steps()[step], kAnswer, kLatent, [](int) { return kNoise; });
}

std::vector<double> timesteps(const Scheduler& scheduler) {
  std::vector<double> all;
  for (const Step& step : scheduler.steps()) all.push_back(step.timestep);
  return all;
}

at::Tensor clean_of_epsilon(double alpha) {
  return (kLatent.to(at::kDouble) - std::sqrt(1 - alpha) * kAnswer.to(at::kDouble)) / std::sqrt(alpha);
}

/// The consistency function: c_skip x + c_out clean, with sigma_data 0.5.
at::Tensor consistent(const at::Tensor& clean, double scaled_timestep) {
  const double spread = scaled_timestep * scaled_timestep + 0.25;
  return 0.25 / spread * kLatent.to(at::kDouble) + scaled_timestep / std::sqrt(spread) * clean;
}

TEST(LcmTest, NoisesTheConsistentEstimateToTheNextLevel) {
  const auto scheduler = make(kFour, "lcm", 2);
  EXPECT_THAT(timesteps(*scheduler), ElementsAre(3, 1));
  const at::Tensor estimate = consistent(clean_of_epsilon(kAlphas[3]), 0.75);
  const at::Tensor expected =
      std::sqrt(kAlphas[1]) * estimate + std::sqrt(1 - kAlphas[1]) * kNoise.to(at::kDouble);
  EXPECT_TRUE(close(advanced(*scheduler, 0), expected, 1e-5, 1e-6));
  EXPECT_TRUE(close(scheduler->estimate(), estimate, 1e-5, 1e-6));
}

TEST(LcmTest, TakesEachKindOfPredictionForWhatItMeans) {
  const double signal = std::sqrt(kAlphas[3]), noise = std::sqrt(1 - kAlphas[3]);
  const at::Tensor x = kLatent.to(at::kDouble), answer = kAnswer.to(at::kDouble);
  const auto velocity = make(kFour, "lcm:prediction=v", 2), sample = make(kFour, "lcm:prediction=sample", 2);
  advanced(*velocity, 0), advanced(*sample, 0);
  EXPECT_TRUE(close(velocity->estimate(), consistent(signal * x - noise * answer, 0.75), 1e-5, 1e-6));
  EXPECT_TRUE(close(sample->estimate(), consistent(answer, 0.75), 1e-5, 1e-6));
}

TEST(LcmTest, TheLastStepIsItsEstimateWithoutNoise) {
  const auto scheduler = make(kFour, "lcm", 2);
  const at::Tensor end = scheduler->advance(scheduler->steps()[1], kAnswer, kLatent, nullptr);
  EXPECT_TRUE(at::equal(end, scheduler->estimate()));
  EXPECT_TRUE(close(end, consistent(clean_of_epsilon(kAlphas[1]), 0.25), 1e-5, 1e-6));
}

TEST(LcmTest, AtTimestepZeroTheLatentIsAlreadyTheAnswer) {
  const auto scheduler = make(kFour, "lcm", 4);
  EXPECT_THAT(timesteps(*scheduler), ElementsAre(3, 2, 1, 0));
  EXPECT_TRUE(at::equal(advanced(*scheduler, 3), kLatent)) << "the boundary condition";
}

TEST(LcmTest, TakesSomeOfTheStepsOfItsTeacherFromTheNoisyEnd) {
  // 50 of 1000: timesteps 19, 39, ... 999. Four of those are every 12.5th, rounded down.
  EXPECT_THAT(timesteps(*make("", "lcm", 4)), ElementsAre(999, 759, 499, 259));
  EXPECT_THAT(timesteps(*make("", "lcm", 1)), ElementsAre(999));
  EXPECT_THAT(timesteps(*make("", "lcm:original_steps=10", 4)), ElementsAre(999, 799, 499, 299));
  EXPECT_EQ(make("", "lcm:original_steps=100", 100)->steps().back().timestep, 9);
}

TEST(LcmTest, AFileWithoutNoiseMeansThatOfStableDiffusion) {
  EXPECT_NEAR(make("", "lcm", 4)->steps()[0].sigma, 14.6146, 1e-3);
}

TEST(LcmTest, CutsTheEstimateWhereAsked) {
  const at::Tensor clean = clean_of_epsilon(kAlphas[3]);
  ASSERT_GT(clean.abs().max().item<double>(), 1.25);
  const auto cut = make(kFour + R"(, "clip_sample_range": 1.25)", "lcm:clip=true", 2);
  advanced(*cut, 0);
  EXPECT_TRUE(close(cut->estimate(), consistent(clean.clamp(-1.25, 1.25), 0.75), 1e-5, 1e-6));
}

TEST(LcmTest, AddsNoiseAtTheLevelOfAStep) {
  const auto scheduler = make(kFour, "lcm", 2);
  const at::Tensor expected = std::sqrt(kAlphas[1]) * kLatent + std::sqrt(1 - kAlphas[1]) * kNoise;
  EXPECT_TRUE(close(scheduler->add_noise(kLatent, kNoise, scheduler->steps()[1]), expected, 1e-5, 1e-6));
  EXPECT_EQ(scheduler->initial_noise_scale(), 1);
}

TEST(LcmTest, RefusesMoreStepsThanItsTeacherHad) {
  EXPECT_THAT(error_of("", "lcm", 51), HasSubstr("'steps' must lie in 1 to 50, got 51"));
  EXPECT_THAT(error_of(R"("original_inference_steps": 2000)", "lcm", 4), HasSubstr("at most 1000, got 2000"));
  EXPECT_THAT(error_of("", "lcm:spacing=trailing", 4), HasSubstr("spacing")) << "it has its own";
}

}  // namespace reel::guidance::lcm_test
