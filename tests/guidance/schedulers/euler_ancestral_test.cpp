// `euler_ancestral` against ancestral sampling (DDPM, 2006.11239) written in noise levels, in double.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/guidance/schedulers/scheduler_testing.h"

namespace reel::guidance::euler_ancestral_test {

using testing::HasSubstr;

/// A training of four noise levels. Three steps are at timesteps 3, 1.5 and 0.
const std::string kFour = R"("num_train_timesteps": 4, "trained_betas": [0.1, 0.2, 0.3, 0.4])";

double level(int timestep) {
  const double alphas[] = {0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7, 0.9 * 0.8 * 0.7 * 0.6};
  return std::sqrt((1 - alphas[timestep]) / alphas[timestep]);
}
const double kLevels[] = {level(3), (level(1) + level(2)) / 2, level(0)};

const at::Tensor kLatent = pattern(kShape, 1), kAnswer = pattern(kShape, 2), kNoise = pattern(kShape, 3);

at::Tensor advanced(Scheduler& scheduler, size_t step) {
  return scheduler.advance(scheduler.steps()[step], kAnswer, kLatent, [](int) { return kNoise; });
}

/// Down below the next level, and back up to it with fresh noise: down^2 + up^2 = next^2.
at::Tensor by_hand(const at::Tensor& clean, double sigma, double next) {
  const double up = next * std::sqrt(1 - next * next / (sigma * sigma)), down = next * next / sigma;
  const at::Tensor x = kLatent.to(at::kDouble);
  return x + (down - sigma) * (x - clean) / sigma + up * kNoise.to(at::kDouble);
}

TEST(EulerAncestralTest, GoesBelowTheNextLevelAndNoisesBackUpToIt) {
  const auto scheduler = make(kFour, "euler_ancestral", 3);
  for (const size_t i : {0, 1}) {
    const at::Tensor clean = kLatent.to(at::kDouble) - kLevels[i] * kAnswer.to(at::kDouble);
    EXPECT_NEAR(scheduler->steps()[i].sigma, kLevels[i], 1e-6);
    EXPECT_TRUE(close(advanced(*scheduler, i), by_hand(clean, kLevels[i], kLevels[i + 1]), 1e-5, 1e-6)) << i;
    EXPECT_TRUE(close(scheduler->estimate(), clean, 1e-5, 1e-6)) << i;
  }
}

TEST(EulerAncestralTest, TakesVelocitiesForWhatTheyMean) {
  const auto scheduler = make(kFour, "euler_ancestral:prediction=v", 3);
  const double s = kLevels[0];
  const at::Tensor clean =
      kLatent.to(at::kDouble) / (s * s + 1) - kAnswer.to(at::kDouble) * s / std::sqrt(s * s + 1);
  EXPECT_TRUE(close(advanced(*scheduler, 0), by_hand(clean, s, kLevels[1]), 1e-5, 1e-6));
}

// From level s with clean sample c, the latent c + s n becomes c + down n + up n': at the next level for
// independent noises, which is what makes a step ancestral.
TEST(EulerAncestralTest, APerfectAnswerLeadsToExactlyTheNextLevelOfNoise) {
  const auto scheduler = make(kFour, "euler_ancestral", 3);
  const Step& step = scheduler->steps()[0];
  const at::Tensor clean = kLatent, old_noise = kAnswer;
  const auto with_fresh = [&](double amount) {
    return scheduler->advance(step, old_noise, clean + step.sigma * old_noise,
                              [&](int) { return kNoise * amount; });
  };
  const at::Tensor down = (with_fresh(0) - clean) / old_noise, up = (with_fresh(1) - with_fresh(0)) / kNoise;
  const double next = scheduler->steps()[1].sigma;
  EXPECT_TRUE(close(down * down + up * up, at::full(kShape, next * next), 0, 1e-4));
  EXPECT_GT(up.abs().min().item<double>(), 0.1);
}

TEST(EulerAncestralTest, EndsOnTheCleanEstimateAndDrawsAllTheSame) {
  const auto scheduler = make(kFour, "euler_ancestral", 3);
  std::vector<int> asked;
  const at::Tensor end = scheduler->advance(scheduler->steps()[2], kAnswer, kLatent, [&](int index) {
    asked.push_back(index);
    return kNoise;
  });
  const at::Tensor clean = kLatent.to(at::kDouble) - kLevels[2] * kAnswer.to(at::kDouble);
  EXPECT_TRUE(close(end, clean, 1e-5, 1e-6));
  EXPECT_THAT(asked, testing::ElementsAre(2)) << "a seed shared with the reference stays in step";
}

TEST(EulerAncestralTest, AddsNoiseWithoutScalingTheSampleDown) {
  const auto scheduler = make(kFour, "euler_ancestral", 3);
  EXPECT_TRUE(close(scheduler->add_noise(kLatent, kNoise, scheduler->steps()[1]),
                    kLatent + kLevels[1] * kNoise, 1e-5, 1e-6));
  EXPECT_NEAR(scheduler->initial_noise_scale(), kLevels[0], 1e-6);
  EXPECT_NEAR(scheduler->steps()[0].input_scale, 1 / std::sqrt(kLevels[0] * kLevels[0] + 1), 1e-6);
  const auto leading = make(kFour, "euler_ancestral:spacing=leading", 2);
  EXPECT_NEAR(leading->initial_noise_scale(), std::sqrt(level(2) * level(2) + 1), 1e-6);
}

TEST(EulerAncestralTest, RefusesNetworksThatPredictTheSample) {
  const std::string message = error_of(R"("prediction_type": "sample")", "euler_ancestral", 5);
  EXPECT_THAT(message,
              HasSubstr("[test.json] euler_ancestral needs a network that predicts noise or velocity"));
  EXPECT_THAT(message, HasSubstr("got prediction 'sample'; use euler or ddim"));
}

}  // namespace reel::guidance::euler_ancestral_test
