// `dpmpp_2m` and `dpmpp_2m_sde` against "DPM-Solver++" (2211.01095), algorithm 2 and appendices B and D, in
// double.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/guidance/schedulers/scheduler_testing.h"

namespace reel::guidance::dpmpp_2m_test {

using testing::ElementsAre;
using testing::HasSubstr;

/// A training of nine noise levels. Four steps are at timesteps 8, 6, 4 and 2.
const std::string kNine = R"("num_train_timesteps": 9,
                             "trained_betas": [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45])";

/// lambda is half the logarithm of the signal-to-noise ratio.
struct Level {
  double alpha, sigma, lambda;
};
Level level(int timestep) {
  double product = 1;
  for (int t = 0; t <= timestep; ++t) product *= 1 - 0.05 * (t + 1);
  return {std::sqrt(product), std::sqrt(1 - product), 0.5 * std::log(product / (1 - product))};
}
double ratio(int timestep) { return level(timestep).sigma / level(timestep).alpha; }

const at::Tensor kNoise = pattern(kShape, 3);

/// The first `count` steps of a run with fixed answers: x[i] is the latent before step i, clean[i] the
/// estimate at it, both in double.
struct Trajectory {
  std::vector<at::Tensor> x = {pattern(kShape, 1).to(at::kDouble)}, clean;
};
Trajectory follow(Scheduler& scheduler, size_t count, size_t first = 0) {
  Trajectory all;
  at::Tensor latent = pattern(kShape, 1);
  for (size_t i = first; i < first + count; ++i) {
    const at::Tensor answer = pattern(kShape, 10 + static_cast<int64_t>(i));
    latent = scheduler.advance(scheduler.steps()[i], answer, latent, [](int) { return kNoise; });
    all.x.push_back(latent.to(at::kDouble));
    all.clean.push_back(scheduler.estimate().to(at::kDouble));
  }
  return all;
}

/// The exact solution for an estimate that stays as it is; the noise of the SDE is 0 for the ODE.
at::Tensor first_order(const Trajectory& all, size_t i, const Level& now, const Level& next,
                       bool sde = false) {
  const double h = next.lambda - now.lambda, span = sde ? 2 * h : h;
  at::Tensor result = next.sigma / now.sigma * std::exp(-(span - h)) * all.x[i] -
                      next.alpha * std::expm1(-span) * all.clean[i];
  if (sde) result = result + next.sigma * std::sqrt(-std::expm1(-2 * h)) * kNoise.to(at::kDouble);
  return result;
}

/// (D_i - D_{i-1}) / r with r = h_{i-1} / h_i.
at::Tensor slope(const Trajectory& all, size_t i, const Level& before, const Level& now, const Level& next) {
  const double r = (now.lambda - before.lambda) / (next.lambda - now.lambda);
  return (all.clean[i] - all.clean[i - 1]) / r;
}

TEST(Dpmpp2mTest, TheEstimateFollowsFromEachKindOfPrediction) {
  const at::Tensor x = pattern(kShape, 1).to(at::kDouble), answer = pattern(kShape, 10).to(at::kDouble);
  const Level now = level(8);
  const std::pair<const char*, at::Tensor> kinds[] = {{"epsilon", (x - now.sigma * answer) / now.alpha},
                                                      {"v", now.alpha * x - now.sigma * answer},
                                                      {"sample", answer}};
  for (const auto& [kind, clean] : kinds) {
    const auto scheduler = make(kNine, "dpmpp_2m:prediction=" + std::string(kind), 4);
    EXPECT_TRUE(close(follow(*scheduler, 1).clean[0], clean, 1e-5, 1e-6)) << kind;
  }
}

TEST(Dpmpp2mTest, TheFirstStepIsOfFirstOrder) {
  const auto scheduler = make(kNine, "dpmpp_2m", 4);
  const Trajectory all = follow(*scheduler, 1);
  EXPECT_TRUE(close(all.x[1], first_order(all, 0, level(8), level(6)), 1e-5, 1e-5));
}

TEST(Dpmpp2mTest, LaterStepsExtrapolateToTheMidpoint) {
  const auto scheduler = make(kNine, "dpmpp_2m", 4);
  const Trajectory all = follow(*scheduler, 2);
  const Level before = level(8), now = level(6), next = level(4);
  const double loss = std::expm1(-(next.lambda - now.lambda));
  const at::Tensor expected =
      first_order(all, 1, now, next) - 0.5 * next.alpha * loss * slope(all, 1, before, now, next);
  EXPECT_TRUE(close(all.x[2], expected, 1e-5, 1e-5));
}

TEST(Dpmpp2mTest, HeunsFormIntegratesTheSlope) {
  const auto scheduler = make(kNine, "dpmpp_2m:solver=heun", 4);
  const Trajectory all = follow(*scheduler, 2);
  const Level before = level(8), now = level(6), next = level(4);
  const double h = next.lambda - now.lambda;
  const at::Tensor expected = first_order(all, 1, now, next) +
                              next.alpha * (std::expm1(-h) / h + 1) * slope(all, 1, before, now, next);
  EXPECT_TRUE(close(all.x[2], expected, 1e-5, 1e-5));
  const auto by_file = make(kNine + R"(, "solver_type": "heun")", "dpmpp_2m", 4);
  EXPECT_TRUE(at::equal(follow(*by_file, 2).x[2], all.x[2]));
}

TEST(Dpmpp2mTest, ThirdOrderUsesThreeEstimates) {
  const auto scheduler = make(kNine, "dpmpp_2m:order=3,lower_order_final=false", 4);
  const Trajectory all = follow(*scheduler, 3);
  const Level earliest = level(8), before = level(6), now = level(4), next = level(2);
  const double h = next.lambda - now.lambda, r0 = (now.lambda - before.lambda) / h,
               r1 = (before.lambda - earliest.lambda) / h;
  const double phi1 = std::expm1(-h), phi2 = phi1 / h + 1, phi3 = phi2 / h - 0.5;
  const at::Tensor d10 = (all.clean[2] - all.clean[1]) / r0, d11 = (all.clean[1] - all.clean[0]) / r1;
  const at::Tensor d1 = d10 + r0 / (r0 + r1) * (d10 - d11), d2 = (d10 - d11) / (r0 + r1);
  const at::Tensor expected =
      first_order(all, 2, now, next) + next.alpha * phi2 * d1 - next.alpha * phi3 * d2;
  EXPECT_TRUE(close(all.x[3], expected, 1e-5, 1e-5));
}

// d x / d lambda in closed form: what a solver of this order must not miss. Estimates lie on a straight line
// in lambda, for which the integral of exp(lambda) (a + b lambda) is elementary.
TEST(Dpmpp2mTest, HigherOrdersAreExactForEstimatesOnALine) {
  for (const char* choice : {"dpmpp_2m:prediction=sample,solver=heun,lower_order_final=false",
                             "dpmpp_2m:prediction=sample,solver=heun,order=3,lower_order_final=false"}) {
    const auto scheduler = make(kNine, choice, 4);
    const at::Tensor offset = pattern(kShape, 5), rise = pattern(kShape, 6);
    const int timesteps[] = {8, 6, 4, 2};
    at::Tensor latent = pattern(kShape, 1);
    for (int i = 0; i < 3; ++i) {
      const Level now = level(timesteps[i]), next = level(timesteps[i + 1]);
      const at::Tensor before = latent.to(at::kDouble);
      latent = scheduler->advance(scheduler->steps()[i], offset + rise * now.lambda, latent, nullptr);
      if (i == 0) continue;  // the first step knows no slope
      // sigma' / sigma x + sigma' * integral of exp(l) (offset + rise l) dl.
      const auto integral = [&](double l) { return std::exp(l) * (offset + rise * (l - 1)).to(at::kDouble); };
      const at::Tensor expected =
          next.sigma / now.sigma * before + next.sigma * (integral(next.lambda) - integral(now.lambda));
      EXPECT_TRUE(close(latent, expected, 1e-5, 1e-5)) << choice << ", step " << i;
    }
  }
}

TEST(Dpmpp2mTest, OrderOneForgetsEarlierEstimates) {
  const auto scheduler = make(kNine, "dpmpp_2m:order=1", 4);
  const Trajectory all = follow(*scheduler, 2);
  EXPECT_TRUE(close(all.x[2], first_order(all, 1, level(6), level(4)), 1e-5, 1e-5));
  const auto by_file = make(kNine + R"(, "solver_order": 1)", "dpmpp_2m", 4);
  EXPECT_TRUE(at::equal(follow(*by_file, 2).x[2], all.x[2]));
}

TEST(Dpmpp2mTest, ARunThatStartsInTheMiddleOrAgainHasNoHistory) {
  const auto scheduler = make(kNine, "dpmpp_2m", 4);
  for (int times = 0; times < 2; ++times) {
    const Trajectory all = follow(*scheduler, 1, 1);
    EXPECT_TRUE(close(all.x[1], first_order(all, 0, level(6), level(4)), 1e-5, 1e-5)) << times;
    follow(*scheduler, 4);
  }
}

TEST(Dpmpp2mTest, EndsOnTheCleanEstimate) {
  for (const std::string choice : {"dpmpp_2m", "dpmpp_2m:lower_order_final=false", "dpmpp_2m:order=3"}) {
    const Trajectory all = follow(*make(kNine, choice, 4), 4);
    EXPECT_TRUE(at::equal(all.x[4], all.clean[3])) << choice;
  }
}

TEST(Dpmpp2mTest, FewStepsEndInLowerOrders) {
  const Trajectory third = follow(*make(kNine, "dpmpp_2m:order=3", 4), 3),
                   free = follow(*make(kNine, "dpmpp_2m:order=3,lower_order_final=false", 4), 3);
  EXPECT_TRUE(at::equal(third.x[2], free.x[2]));
  const Level before = level(6), now = level(4), next = level(2);
  const at::Tensor second = first_order(third, 2, now, next) - 0.5 * next.alpha *
                                                                   std::expm1(-(next.lambda - now.lambda)) *
                                                                   slope(third, 2, before, now, next);
  EXPECT_TRUE(close(third.x[3], second, 1e-5, 1e-5)) << "the last step but one is of second order";
  EXPECT_FALSE(close(free.x[3], second, 1e-5, 1e-5));
}

TEST(Dpmpp2mTest, TheLastStepToANoisyLevelIsOfTheOrderThatWasAskedFor) {
  const Level before = level(4), now = level(2), next = level(0);
  const auto last = [&](const std::string& options) {
    return follow(*make(kNine, "dpmpp_2m:final=sigma_min" + options, 4), 4);
  };
  const Trajectory low = last(""), euler = last(",lower_order_final=false,euler_at_final=true"),
                   full = last(",lower_order_final=false");
  EXPECT_TRUE(close(low.x[4], first_order(low, 3, now, next), 1e-5, 1e-5));
  EXPECT_TRUE(close(euler.x[4], first_order(euler, 3, now, next), 1e-5, 1e-5));
  const at::Tensor second = first_order(full, 3, now, next) - 0.5 * next.alpha *
                                                                  std::expm1(-(next.lambda - now.lambda)) *
                                                                  slope(full, 3, before, now, next);
  EXPECT_TRUE(close(full.x[4], second, 1e-5, 1e-5));
}

TEST(Dpmpp2mTest, TheStochasticFormLosesTwiceAsMuchAndFillsUpWithNoise) {
  const Level before = level(8), now = level(6), next = level(4);
  const double h = next.lambda - now.lambda, loss = std::expm1(-2 * h);
  const Trajectory midpoint = follow(*make(kNine, "dpmpp_2m_sde", 4), 2);
  EXPECT_TRUE(close(midpoint.x[1], first_order(midpoint, 0, before, now, true), 1e-5, 1e-5));
  EXPECT_TRUE(close(midpoint.x[2],
                    first_order(midpoint, 1, now, next, true) -
                        0.5 * next.alpha * loss * slope(midpoint, 1, before, now, next),
                    1e-5, 1e-5));
  const Trajectory heun = follow(*make(kNine, "dpmpp_2m_sde:solver=heun", 4), 2);
  EXPECT_TRUE(close(heun.x[2],
                    first_order(heun, 1, now, next, true) +
                        next.alpha * (loss / (2 * h) + 1) * slope(heun, 1, before, now, next),
                    1e-5, 1e-5));
}

TEST(Dpmpp2mTest, OptionFileAndSecondNameMeanTheSameStochasticForm) {
  const at::Tensor expected = follow(*make(kNine, "dpmpp_2m_sde", 4), 4).x[4];
  EXPECT_TRUE(at::equal(follow(*make(kNine, "dpmpp_2m:algorithm=sde", 4), 4).x[4], expected));
  const std::string file = kNine + R"(, "algorithm_type": "sde-dpmsolver++")";
  EXPECT_TRUE(at::equal(follow(*make(file, "dpmpp_2m", 4), 4).x[4], expected));
  EXPECT_TRUE(at::equal(follow(*make(file, "dpmpp_2m:algorithm=ode", 4), 4).x[4],
                        follow(*make(kNine, "dpmpp_2m", 4), 4).x[4]));
}

std::vector<double> timesteps(const std::string& json, const std::string& choice, int steps) {
  std::vector<double> all;
  const auto scheduler = make(json, choice, steps);
  for (const Step& step : scheduler->steps()) all.push_back(step.timestep);
  return all;
}

TEST(Dpmpp2mTest, LeavesOutTheCleanestOfItsTimesteps) {
  EXPECT_THAT(timesteps(kNine, "dpmpp_2m", 4), ElementsAre(8, 6, 4, 2));
  EXPECT_THAT(timesteps(kNine, "dpmpp_2m:spacing=leading", 3), ElementsAre(6, 4, 2));
  EXPECT_THAT(timesteps(kNine + R"(, "steps_offset": 1)", "dpmpp_2m:spacing=leading", 3),
              ElementsAre(7, 5, 3));
  EXPECT_THAT(timesteps(kNine, "dpmpp_2m:spacing=trailing", 3), ElementsAre(8, 5, 2));
}

TEST(Dpmpp2mTest, LeavesOutTimestepsThatTheFileCallsTooNoisy) {
  const auto least = [](double lambda) { return kNine + R"(, "lambda_min_clipped": )" + to_text(lambda); };
  EXPECT_THAT(timesteps(least(level(6).lambda - 0.01), "dpmpp_2m", 3), ElementsAre(6, 4, 2));
  EXPECT_THAT(timesteps(least(level(4).lambda - 0.01), "dpmpp_2m", 2), ElementsAre(4, 2));
  EXPECT_THAT(error_of(R"("lambda_min_clipped": 100)", "dpmpp_2m", 5), HasSubstr("leaves no timestep"));
}

TEST(Dpmpp2mTest, RulesSpaceTheLevelsOverTheWholeTraining) {
  const double high = ratio(8), low = ratio(0);
  const auto middle = [&](const std::string& more, const std::string& choice) {
    const auto scheduler = make(kNine + more, choice, 3);
    EXPECT_NEAR(scheduler->steps()[0].sigma, high, 1e-5) << choice;
    EXPECT_NEAR(scheduler->steps()[2].sigma, low, 1e-5) << choice;
    return scheduler->steps()[1].sigma;
  };
  const double karras = std::pow((std::pow(high, 1.0 / 7) + std::pow(low, 1.0 / 7)) / 2, 7);
  EXPECT_NEAR(middle("", "dpmpp_2m:karras=true"), karras, 1e-5);
  EXPECT_NEAR(middle("", "dpmpp_2m:exponential=true"), std::sqrt(high * low), 1e-5);
  EXPECT_NEAR(middle(R"(, "use_lu_lambdas": true)", "dpmpp_2m"), std::sqrt(high * low), 1e-5);
  const double plain = make(kNine, "dpmpp_2m", 3)->steps()[1].sigma;
  EXPECT_EQ(make(kNine + R"(, "use_karras_sigmas": true)", "dpmpp_2m:karras=false", 3)->steps()[1].sigma,
            plain);
}

TEST(Dpmpp2mTest, DynamicThresholdingLimitsEachRow) {
  // Beyond the quantile values are cut, and divided by it; it counts from 1 to sample_max_value.
  const auto scheduler = make(kNine + R"(, "thresholding": true, "dynamic_thresholding_ratio": 1.0,
                                            "sample_max_value": 2.0, "prediction_type": "sample")",
                              "dpmpp_2m", 4);
  const at::Tensor rows = at::tensor({0.5f, -0.2f, 1.6f, -0.8f, 4.0f, -3.0f}).view({3, 1, 1, 1, 2});
  scheduler->advance(scheduler->steps()[0], rows, at::zeros_like(rows), nullptr);
  const at::Tensor expected = at::tensor({0.5f, -0.2f, 1.0f, -0.5f, 1.0f, -1.0f}).view({3, 1, 1, 1, 2});
  EXPECT_TRUE(close(scheduler->estimate(), expected, 1e-6, 1e-6));
}

TEST(Dpmpp2mTest, AddsNoiseAtTheLevelOfAStep) {
  const auto scheduler = make(kNine, "dpmpp_2m", 4);
  const at::Tensor sample = pattern(kShape, 1), expected = level(6).alpha * sample + level(6).sigma * kNoise;
  EXPECT_TRUE(close(scheduler->add_noise(sample, kNoise, scheduler->steps()[1]), expected, 1e-5, 1e-6));
  EXPECT_NEAR(scheduler->steps()[1].sigma, ratio(6), 1e-6);
  EXPECT_EQ(scheduler->steps()[1].input_scale, 1);
  EXPECT_EQ(scheduler->initial_noise_scale(), 1);
}

TEST(Dpmpp2mTest, RepeatedNoiseLevelsDoNotBreakIt) {
  // 1000 rounded timesteps of 1001 points: two coincide.
  const auto scheduler = make(kScaled, "dpmpp_2m:spacing=linspace,order=3", 1000);
  at::Tensor latent = pattern(kShape, 3);
  for (const Step& step : scheduler->steps()) {
    latent = scheduler->advance(step, pattern(kShape, 4 + step.index % 3), latent, nullptr);
  }
  EXPECT_TRUE(latent.isfinite().all().item<bool>());
}

TEST(Dpmpp2mTest, RefusesOtherSolversAndOrders) {
  EXPECT_THAT(error_of(R"("algorithm_type": "dpmsolver")", "dpmpp_2m", 5),
              HasSubstr("set it to dpmsolver++"));
  EXPECT_THAT(error_of(R"("solver_order": 4)", "dpmpp_2m", 5),
              HasSubstr("'solver_order' must be an integer from 1 to 3"));
  EXPECT_THAT(error_of("", "dpmpp_2m_sde:order=3", 5), HasSubstr("order 1 or 2, got 3"));
  EXPECT_THAT(error_of(R"("variance_type": "learned_range")", "dpmpp_2m", 5), HasSubstr("'variance_type'"));
  EXPECT_THAT(error_of(R"("use_flow_sigmas": true)", "dpmpp_2m", 5), HasSubstr("flow-matching"));
  EXPECT_THAT(error_of(R"("timestep_spacing": "leading")", "dpmpp_2m", 1000), HasSubstr("1 to 999"));
}

}  // namespace reel::guidance::dpmpp_2m_test
