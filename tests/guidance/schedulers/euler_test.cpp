// `euler` against algorithm 2 of "Elucidating the Design Space of Diffusion-Based Generative Models"
// (2206.00364) without its second-order correction, in double.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/guidance/schedulers/scheduler_testing.h"

namespace reel::guidance::euler_test {

using testing::HasSubstr;
using testing::IsEmpty;

/// A training of four noise levels. Three steps are at timesteps 3, 1.5 and 0.
const std::string kFour = R"("num_train_timesteps": 4, "trained_betas": [0.1, 0.2, 0.3, 0.4])";

double level(int timestep) {
  const double alphas[] = {0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7, 0.9 * 0.8 * 0.7 * 0.6};
  return std::sqrt((1 - alphas[timestep]) / alphas[timestep]);
}
const double kHigh = level(3), kMiddle = (level(1) + level(2)) / 2, kLow = level(0);

const at::Tensor kLatent = pattern(kShape, 1), kAnswer = pattern(kShape, 2), kNoise = pattern(kShape, 3);

at::Tensor advanced(Scheduler& scheduler, size_t step) {
  return scheduler.advance(scheduler.steps()[step], kAnswer, kLatent, [](int) { return kNoise; });
}

/// x + (next - sigma) (x - clean) / sigma.
at::Tensor by_hand(const at::Tensor& x, const at::Tensor& clean, double sigma, double next) {
  return x + (next - sigma) * (x - clean) / sigma;
}

TEST(EulerTest, StepsAreAtTheNoiseLevelsOfTheTraining) {
  const auto scheduler = make(kFour, "euler", 3);
  const double sigmas[] = {kHigh, kMiddle, kLow}, timesteps[] = {3, 1.5, 0};
  for (int i = 0; i < 3; ++i) {
    const Step& step = scheduler->steps()[i];
    EXPECT_EQ(step.timestep, timesteps[i]);
    EXPECT_NEAR(step.sigma, sigmas[i], 1e-6);
    EXPECT_NEAR(step.input_scale, 1 / std::sqrt(sigmas[i] * sigmas[i] + 1), 1e-6) << "to unit variance";
  }
  EXPECT_NEAR(scheduler->initial_noise_scale(), kHigh, 1e-6);
  // With leading spacing the first latent is not pure noise: sample and noise together have this deviation.
  const auto leading = make(kFour, "euler:spacing=leading", 2);
  EXPECT_NEAR(leading->initial_noise_scale(), std::sqrt(level(2) * level(2) + 1), 1e-6);
}

TEST(EulerTest, GoesStraightToTheNextLevelForEachKindOfPrediction) {
  const at::Tensor x = kLatent.to(at::kDouble), answer = kAnswer.to(at::kDouble);
  const double s = kHigh, root = std::sqrt(s * s + 1);
  const std::pair<const char*, at::Tensor> kinds[] = {
      {"epsilon", x - s * answer}, {"v", x / (s * s + 1) - answer * s / root}, {"sample", answer}};
  for (const auto& [kind, clean] : kinds) {
    const auto scheduler = make(kFour, "euler:prediction=" + std::string(kind), 3);
    EXPECT_TRUE(close(advanced(*scheduler, 0), by_hand(x, clean, s, kMiddle), 1e-5, 1e-6)) << kind;
    EXPECT_TRUE(close(scheduler->estimate(), clean, 1e-5, 1e-6)) << kind;
  }
}

TEST(EulerTest, EndsOnTheCleanEstimateOrAtTheFirstTrainingLevel) {
  const at::Tensor x = kLatent.to(at::kDouble);
  const auto to_zero = make(kFour + R"(, "timestep_spacing": "leading")", "euler", 2);
  EXPECT_TRUE(close(advanced(*to_zero, 1), x - kLow * kAnswer.to(at::kDouble), 1e-5, 1e-6));
  EXPECT_TRUE(close(advanced(*to_zero, 1), to_zero->estimate(), 1e-6, 1e-6));
  // Trailing: timesteps 3 and 1, and the run ends at the level of timestep 0.
  const auto to_low = make(kFour, "euler:spacing=trailing,final=sigma_min", 2);
  const at::Tensor estimate = x - level(1) * kAnswer.to(at::kDouble);
  EXPECT_TRUE(close(advanced(*to_low, 1), by_hand(x, estimate, level(1), kLow), 1e-5, 1e-6));
  const auto by_file =
      make(kFour + R"(, "timestep_spacing": "trailing", "final_sigmas_type": "sigma_min")", "euler", 2);
  EXPECT_TRUE(at::equal(advanced(*by_file, 1), advanced(*to_low, 1)));
}

// Algorithm 2: gamma = min(churn / steps, sqrt(2) - 1); the latent is raised to sigma (1 + gamma) first.
TEST(EulerTest, ChurningRaisesTheNoiseBeforeTheStep) {
  const at::Tensor x = kLatent.to(at::kDouble), answer = kAnswer.to(at::kDouble);
  for (const auto& [churn, gamma] : {std::pair{0.6, 0.2}, {1000.0, std::sqrt(2.0) - 1}}) {
    const auto scheduler = make(kFour, "euler:churn_noise=1.1,churn=" + to_text(churn), 3);
    const double from = kHigh * (1 + gamma);
    const at::Tensor raised = x + 1.1 * std::sqrt(from * from - kHigh * kHigh) * kNoise.to(at::kDouble);
    const at::Tensor expected = by_hand(raised, raised - from * answer, from, kMiddle);
    EXPECT_TRUE(close(advanced(*scheduler, 0), expected, 1e-5, 1e-5)) << churn;
  }
}

TEST(EulerTest, ChurnsOnlyBetweenTheLevelsThatItWasToldAndNotAtAllByDefault) {
  const auto churned = [](const std::string& options) {
    std::vector<int> steps;
    const auto scheduler = make(kFour, "euler" + options, 3);
    for (const Step& step : scheduler->steps()) {
      scheduler->advance(step, kAnswer, kLatent, [&](int index) {
        steps.push_back(index);
        return kNoise;
      });
    }
    return steps;
  };
  EXPECT_THAT(churned(""), IsEmpty());
  EXPECT_THAT(churned(":churn=1"), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(churned(":churn=1,churn_min=" + to_text(kLow + 0.01)), testing::ElementsAre(0, 1));
  EXPECT_THAT(churned(":churn=1,churn_max=" + to_text(kHigh - 0.01)), testing::ElementsAre(1, 2));
  const auto plain = make(kFour, "euler", 3), neutral = make(kFour, "euler:churn=0,churn_noise=5", 3);
  EXPECT_TRUE(at::equal(advanced(*plain, 0), advanced(*neutral, 0)));
}

TEST(EulerTest, RulesSpaceTheLevelsBetweenTheSameEnds) {
  const auto middle = [](const std::string& choice, const std::string& more = "") {
    const auto scheduler = make(kFour + more, choice, 3);
    EXPECT_NEAR(scheduler->steps()[0].sigma, more.empty() ? kHigh : 4, 1e-6);
    EXPECT_NEAR(scheduler->steps()[2].sigma, more.empty() ? kLow : 0.25, 1e-6);
    return scheduler->steps()[1].sigma;
  };
  const auto karras = [](double high, double low) {  // equation 5 with rho 7, half way
    return std::pow((std::pow(high, 1.0 / 7) + std::pow(low, 1.0 / 7)) / 2, 7);
  };
  EXPECT_NEAR(middle("euler:karras=true"), karras(kHigh, kLow), 1e-5);
  EXPECT_NEAR(middle("euler:exponential=true"), std::sqrt(kHigh * kLow), 1e-5);
  const std::string ends = R"(, "sigma_min": 0.25, "sigma_max": 4.0, "use_karras_sigmas": true)";
  EXPECT_NEAR(middle("euler", ends), karras(4, 0.25), 1e-5);
  EXPECT_NEAR(middle("euler:exponential=true", ends), 1, 1e-5) << "the user's rule replaces the file's";
}

TEST(EulerTest, LogLinearInterpolationEndsAtTheLowestLevel) {
  const auto scheduler = make(kFour + R"(, "interpolation_type": "log_linear")", "euler", 2);
  const double middle = std::sqrt(kHigh * kLow);  // of three levels: the last one is where the run ends
  EXPECT_NEAR(scheduler->steps()[0].sigma, kHigh, 1e-6);
  EXPECT_NEAR(scheduler->steps()[1].sigma, middle, 1e-6);
  const at::Tensor x = kLatent.to(at::kDouble), clean = x - middle * kAnswer.to(at::kDouble);
  EXPECT_TRUE(close(advanced(*scheduler, 1), by_hand(x, clean, middle, kLow), 1e-5, 1e-6));
}

TEST(EulerTest, ContinuousTimestepsAreAQuarterOfTheLogarithm) {
  const std::string file = kFour + R"(, "timestep_type": "continuous", "prediction_type": "v_prediction")";
  EXPECT_NEAR(make(file, "euler", 3)->steps()[0].timestep, 0.25 * std::log(kHigh), 1e-6);
  EXPECT_EQ(make(file, "euler:prediction=epsilon", 3)->steps()[0].timestep, 3) << "for velocities only";
}

TEST(EulerTest, AddsNoiseWithoutScalingTheSampleDown) {
  const auto scheduler = make(kFour, "euler", 3);
  EXPECT_TRUE(close(scheduler->add_noise(kLatent, kNoise, scheduler->steps()[1]), kLatent + kMiddle * kNoise,
                    1e-5, 1e-6));
}

TEST(EulerTest, ZeroSnrStartsAtAFiniteLevel) {
  const auto scheduler = make(kScaled, "euler:spacing=trailing,zero_snr=true,prediction=v", 4);
  EXPECT_NEAR(scheduler->steps()[0].sigma, 4096, 1);
}

TEST(EulerTest, RefusesLevelsThatNoRunCanUse) {
  EXPECT_THAT(error_of(R"("beta_start": 0.0)", "euler", 5), HasSubstr("must be positive and finite"));
  EXPECT_THAT(error_of(R"("use_beta_sigmas": true)", "euler", 5),
              HasSubstr("'use_beta_sigmas' must be false"));
  EXPECT_THAT(error_of(R"("use_karras_sigmas": true, "use_exponential_sigmas": true)", "euler", 5),
              HasSubstr("at most one"));
  EXPECT_THAT(error_of(R"("use_karras_sigmas": true, "sigma_min": 2.0, "sigma_max": 1.0)", "euler", 5),
              HasSubstr("0 < min < max"));
  EXPECT_THAT(error_of(R"("use_karras_sigmas": true, "sigma_max": 0.001)", "euler", 5),
              HasSubstr("must fall from step to step"));
  EXPECT_THAT(error_of(R"("final_sigmas_type": "zro")", "euler", 5), HasSubstr("did you mean 'zero'?"));
}

}  // namespace reel::guidance::euler_test
