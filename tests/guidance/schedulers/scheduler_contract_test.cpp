// What every scheduler promises, whatever its method: the tests iterate over the registry.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/guidance/schedulers/scheduler_testing.h"

namespace reel::guidance::scheduler_contract_test {

using testing::HasSubstr;

/// What a perfect network answers to `input`: in every scheduler's terms, input_scale * latent is
/// signal * clean + noise * epsilon with signal^2 + noise^2 = 1 and noise / signal = sigma.
at::Tensor perfect_answer(const std::string& prediction, const at::Tensor& input, const Step& step,
                          const at::Tensor& clean) {
  const double signal = 1 / std::sqrt(step.sigma * step.sigma + 1), noise = step.sigma * signal;
  const at::Tensor epsilon =
      ((input.to(at::kDouble) - clean.to(at::kDouble) * signal) / noise).to(at::kFloat);
  if (prediction == "epsilon") return epsilon;
  return prediction == "sample" ? clean : epsilon * signal - clean * noise;
}

struct Case {
  std::string json, prediction;
};

/// Configurations whose last step ends at the clean sample for step counts that divide 1000.
const std::vector<Case> kCases = {
    {kScaled + R"(, "clip_sample": false, "timestep_spacing": "trailing")", "epsilon"},
    {kScaled + R"(, "clip_sample": false, "timestep_spacing": "leading", "steps_offset": 1)", "epsilon"},
    {R"("clip_sample": false, "timestep_spacing": "linspace", "prediction_type": "sample")", "sample"},
    {kScaled + R"(, "clip_sample": false, "timestep_spacing": "trailing", "prediction_type": "v_prediction",
     "rescale_betas_zero_snr": true)",
     "v"},
    {R"("beta_schedule": "squaredcos_cap_v2", "clip_sample": false, "prediction_type": "v_prediction")",
     "v"}};

/// Calls `check(name, case, steps)` for every scheduler, configuration and count that go together.
template <class Check>
void for_all(const Check& check) {
  for (const std::string& name : diffusion_schedulers()) {
    for (const Case& each : kCases) {
      if (name == "euler_ancestral" && each.prediction == "sample") continue;  // refused, see below
      for (const int steps : {1, 2, 5, 20}) {
        SCOPED_TRACE(name + " " + each.json + " steps=" + std::to_string(steps));
        check(name, each, steps);
      }
    }
  }
}

TEST(SchedulerContractTest, TimestepsFallAndStepsCountThemselves) {
  for_all([](const std::string& name, const Case& each, int count) {
    const auto scheduler = make(each.json, name, count);
    const std::vector<Step>& steps = scheduler->steps();
    ASSERT_EQ(static_cast<int>(steps.size()), count);
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(steps[i].index, i);
      EXPECT_EQ(steps[i].count, count);
      EXPECT_GE(steps[i].timestep, 0);
      EXPECT_LT(steps[i].timestep, 1000);
      EXPECT_GT(steps[i].sigma, 0);
      EXPECT_TRUE(std::isfinite(steps[i].sigma));
      if (i == 0) continue;
      EXPECT_LT(steps[i].timestep, steps[i - 1].timestep);
      EXPECT_LT(steps[i].sigma, steps[i - 1].sigma);
    }
  });
}

/// Runs with a perfect network; returns the last latent.
at::Tensor run_perfectly(Scheduler& scheduler, const Case& each, at::Tensor latent, const at::Tensor& clean,
                         size_t first = 0) {
  for (size_t i = first; i < scheduler.steps().size(); ++i) {
    const Step& step = scheduler.steps()[i];
    const at::Tensor answer = perfect_answer(each.prediction, latent * step.input_scale, step, clean);
    latent = scheduler.advance(step, answer, latent, [](int index) { return pattern(kShape, 50 + index); });
    EXPECT_TRUE(close(scheduler.estimate(), clean, 1e-4, 1e-4 + 2e-7 * step.sigma))
        << "estimate of step " << i;
  }
  return latent;
}

TEST(SchedulerContractTest, PerfectNetworkLeadsToTheCleanSample) {
  for_all([](const std::string& name, const Case& each, int count) {
    const auto scheduler = make(each.json, name, count);
    EXPECT_FALSE(scheduler->estimate().defined());
    const at::Tensor clean = pattern(kShape, 1);
    const at::Tensor start = pattern(kShape, 2) * scheduler->initial_noise_scale();
    const at::Tensor end = run_perfectly(*scheduler, each, start, clean);
    // At sigma 4096 the last bit of a latent is 2e-4 wide; one-step runs keep that error.
    EXPECT_TRUE(close(end, clean, 1e-4, 1e-4 + 3e-7 * scheduler->steps().front().sigma / count));
  });
}

TEST(SchedulerContractTest, StartsInTheMiddleFromANoisedSample) {
  for_all([](const std::string& name, const Case& each, int count) {
    const auto scheduler = make(each.json, name, count);
    const Step& middle = scheduler->steps()[count / 2];
    const at::Tensor clean = pattern(kShape, 1), noise = pattern(kShape, 2);
    const at::Tensor noised = scheduler->add_noise(clean, noise, middle);
    const double signal = 1 / std::sqrt(middle.sigma * middle.sigma + 1);
    // Pure noise has no finite sigma; the steps of a zero-SNR schedule say 4096.
    const double floor = middle.sigma > 4095 ? 2 * signal : 0;
    const at::Tensor expected = clean * signal + noise * (middle.sigma * signal);
    EXPECT_TRUE(close(noised * middle.input_scale, expected, 1e-5, 1e-5 + floor));
    const at::Tensor end = run_perfectly(*scheduler, each, noised, clean, count / 2);
    EXPECT_TRUE(close(end, clean, 1e-4, 1e-4 + 3e-7 * middle.sigma));
  });
}

TEST(SchedulerContractTest, EqualRunsGiveEqualBitsAndLeaveInputsAlone) {
  for_all([](const std::string& name, const Case& each, int count) {
    const auto first = make(each.json, name, count), second = make(each.json, name, count);
    at::Tensor a = pattern(kShape, 3), b = a.clone();
    for (int i = 0; i < count; ++i) {
      const at::Tensor answer = pattern(kShape, 10 + i), kept = answer.clone(), before = a.clone();
      const NoiseSource source = [](int index) { return pattern(kShape, 50 + index); };
      const at::Tensor next = first->advance(first->steps()[i], answer, a, source);
      EXPECT_TRUE(at::equal(answer, kept));
      EXPECT_TRUE(at::equal(a, before));
      b = second->advance(second->steps()[i], answer, b, source);
      a = next;
      EXPECT_TRUE(at::equal(a, b));
    }
  });
}

TEST(SchedulerContractTest, HalfPrecisionPredictionsGiveFullPrecisionLatents) {
  for (const std::string& name : diffusion_schedulers()) {
    const auto scheduler = make(kScaled, name, 2);
    const NoiseSource source = [](int index) { return pattern(kShape, 50 + index); };
    const at::Tensor half = pattern(kShape, 4).to(at::kBFloat16);
    const at::Tensor latent = scheduler->advance(scheduler->steps()[0], half, pattern(kShape, 3), source);
    EXPECT_EQ(latent.scalar_type(), at::kFloat) << name;
    EXPECT_EQ(scheduler->estimate().scalar_type(), at::kFloat) << name;
  }
}

TEST(SchedulerContractTest, WrongShapesAndMissingNoiseAreRefused) {
  for (const std::string& name : diffusion_schedulers()) {
    const auto scheduler = make(kScaled, name, 2);
    const Step& step = scheduler->steps()[0];
    const NoiseSource source = [](int) { return at::zeros(kShape); };
    EXPECT_THROW(scheduler->advance(step, at::zeros({2, 6, 2, 2, 2}), at::zeros(kShape), source),
                 std::invalid_argument)
        << name;
    EXPECT_THROW(scheduler->advance({.index = 2, .count = 2}, at::zeros(kShape), at::zeros(kShape), source),
                 std::invalid_argument)
        << name;
  }
  const auto stochastic = make(kScaled, "euler_ancestral", 2);
  EXPECT_THROW(stochastic->advance(stochastic->steps()[0], at::zeros(kShape), at::zeros(kShape), nullptr),
               std::invalid_argument);
  EXPECT_THROW(stochastic->advance(stochastic->steps()[0], at::zeros(kShape), at::zeros(kShape),
                                   [](int) { return at::zeros({1}); }),
               std::invalid_argument);
}

TEST(SchedulerContractTest, StepCountsBeyondTheTrainingAreRefused) {
  for (const std::string& name : diffusion_schedulers()) {
    for (const int steps : {0, -1, 1001}) {
      EXPECT_THROW(make(kScaled, name, steps), std::invalid_argument) << name << " " << steps;
    }
    EXPECT_THAT(error_of(kScaled, name, 0), HasSubstr("'steps' must lie in 1 to 1000, got 0")) << name;
  }
}

TEST(SchedulerContractTest, EveryTrainingStepCanBeVisited) {
  for (const std::string& name : diffusion_schedulers()) {
    if (name == "lcm") continue;  // limited by its teacher
    const auto scheduler = make(kScaled + R"(, "num_train_timesteps": 50, "timestep_spacing": "trailing",
                                              "clip_sample": false)",
                                name, 50);
    EXPECT_EQ(scheduler->steps().back().timestep, 0) << name;
    at::Tensor latent = pattern(kShape, 3);
    for (const Step& step : scheduler->steps()) {
      latent = scheduler->advance(step, pattern(kShape, 4), latent,
                                  [](int index) { return pattern(kShape, 50 + index); });
    }
    EXPECT_TRUE(latent.isfinite().all().item<bool>()) << name;
  }
}

TEST(SchedulerContractTest, UnusableFilesAreRefusedWithTheReason) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {R"("num_train_timesteps": 0)", "'num_train_timesteps' must be an integer from 1 to 100000, got 0"},
      {R"("num_train_timesteps": 100001)", "from 1 to 100000"},
      {R"("beta_start": NaN)", "'beta_start' must be a number, got \"NaN\""},
      {R"("beta_end": 1.5)", "'beta_end' must lie in 0 to 1, got 1.5"},
      {R"("beta_start": -0.1)", "'beta_start' must lie in 0 to 1, got -0.1"},
      {R"("trained_betas": [0.1, 0.2])",
       "'trained_betas' must have num_train_timesteps = 1000 values, got 2"},
      {R"("num_train_timesteps": 2, "trained_betas": [0.1, -0.2])",
       "beta 1 of the noise schedule must lie in 0 to 1"},
      {R"("num_train_timesteps": 3, "trained_betas": [0.1, 1.0, 0.1])", "may be pure noise, got it at 1"},
      {R"("beta_schedule": "scaled_liner")", "did you mean 'scaled_linear'?"},
      {R"("timestep_spacing": "trailng")", "did you mean 'trailing'?"},
      {R"("prediction_type": "v_predictoin")", "did you mean 'v_prediction'?"},
      {R"("prediction_type": "flow_prediction")", "is a flow-matching schedule"},
      {R"("steps_offset": -1)", "'steps_offset' must be an integer"},
      {R"("num_train_timesteps": 1, "rescale_betas_zero_snr": true)", "at least 2 training steps"},
      {R"("snr_shift_scale": 3.0)", "'snr_shift_scale' must be 1"},
      {R"("beta_start": "small")", "'beta_start' must be a number"},
  };
  for (const std::string& name : diffusion_schedulers()) {
    for (const auto& [json, reason] : bad) {
      EXPECT_THROW(make(json, name, 1), std::runtime_error) << name << " " << json;
      EXPECT_THAT(error_of(json, name, 1), HasSubstr(reason)) << name;
      EXPECT_THAT(error_of(json, name, 1), HasSubstr("[test.json]")) << name;
    }
  }
}

}  // namespace reel::guidance::scheduler_contract_test
