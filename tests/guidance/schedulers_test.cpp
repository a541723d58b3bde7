// What every scheduler promises, whatever its method: the tests iterate over the registry.
#include "guidance/scheduler.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/golden.h"

namespace reel::guidance {
namespace {

using testing::HasSubstr;

const SchedulerRegistry& registry() {
  static const SchedulerRegistry filled = [] {
    SchedulerRegistry registry;
    register_schedulers(registry);
    return registry;
  }();
  return filled;
}

/// Schedulers on a schedule of betas; flow-matching ones have laws of their own.
std::vector<std::string> diffusion_schedulers() {
  std::vector<std::string> names;
  for (const SchedulerEntry& entry : registry()) {
    const bool flow =
        std::any_of(entry.diffusers_classes.begin(), entry.diffusers_classes.end(),
                    [](const std::string& name) { return name.find("Flow") != std::string::npos; });
    if (!flow) names.push_back(entry.spec.name);
  }
  return names;
}

models::Config config_of(const std::string& text) { return models::Config::parse(text, "test.json"); }

const std::string kScaled = R"("beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear")";

std::unique_ptr<Scheduler> make(const std::string& json, const std::string& choice, int steps) {
  return make_scheduler(registry(), config_of("{" + json + "}"), choice, steps);
}

std::string error_of(const std::string& json, const std::string& choice, int steps) {
  try {
    make(json, choice, steps);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

at::Tensor random_like(const std::vector<int64_t>& shape, int64_t seed) {
  // A fixed, non-repeating pattern in [-1.5, 1.5].
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return (at::arange(count, at::kFloat) * 0.7548777f + 0.31f * static_cast<float>(seed))
      .sin()
      .mul(1.5)
      .reshape(shape);
}

const std::vector<int64_t> kShape = {2, 3, 2, 2, 2};

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

TEST(SchedulersTest, TimestepsFallAndStepsCountThemselves) {
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
    latent =
        scheduler.advance(step, answer, latent, [](int index) { return random_like(kShape, 50 + index); });
    EXPECT_TRUE(close(scheduler.estimate(), clean, 1e-4, 1e-4 + 2e-7 * step.sigma))
        << "estimate of step " << i;
  }
  return latent;
}

TEST(SchedulersTest, PerfectNetworkLeadsToTheCleanSample) {
  for_all([](const std::string& name, const Case& each, int count) {
    const auto scheduler = make(each.json, name, count);
    EXPECT_FALSE(scheduler->estimate().defined());
    const at::Tensor clean = random_like(kShape, 1);
    const at::Tensor start = random_like(kShape, 2) * scheduler->initial_noise_scale();
    const at::Tensor end = run_perfectly(*scheduler, each, start, clean);
    // At sigma 4096 the last bit of a latent is 2e-4 wide; one-step runs keep that error.
    EXPECT_TRUE(close(end, clean, 1e-4, 1e-4 + 3e-7 * scheduler->steps().front().sigma / count));
  });
}

TEST(SchedulersTest, StartsInTheMiddleFromANoisedSample) {
  for_all([](const std::string& name, const Case& each, int count) {
    const auto scheduler = make(each.json, name, count);
    const Step& middle = scheduler->steps()[count / 2];
    const at::Tensor clean = random_like(kShape, 1), noise = random_like(kShape, 2);
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

TEST(SchedulersTest, EqualRunsGiveEqualBitsAndLeaveInputsAlone) {
  for_all([](const std::string& name, const Case& each, int count) {
    const auto first = make(each.json, name, count), second = make(each.json, name, count);
    at::Tensor a = random_like(kShape, 3), b = a.clone();
    for (int i = 0; i < count; ++i) {
      const at::Tensor answer = random_like(kShape, 10 + i), kept = answer.clone(), before = a.clone();
      const NoiseSource source = [](int index) { return random_like(kShape, 50 + index); };
      const at::Tensor next = first->advance(first->steps()[i], answer, a, source);
      EXPECT_TRUE(at::equal(answer, kept));
      EXPECT_TRUE(at::equal(a, before));
      b = second->advance(second->steps()[i], answer, b, source);
      a = next;
      EXPECT_TRUE(at::equal(a, b));
    }
  });
}

TEST(SchedulersTest, NoiseIsAskedForOnlyByStochasticSteps) {
  const auto draws = [](const std::string& choice) {
    const auto scheduler = make(kScaled + R"(, "clip_sample": false)", choice, 4);
    std::vector<int> asked;
    at::Tensor latent = random_like(kShape, 3);
    for (const Step& step : scheduler->steps()) {
      latent = scheduler->advance(step, random_like(kShape, 4), latent, [&](int index) {
        asked.push_back(index);
        return random_like(kShape, 5);
      });
    }
    return asked;
  };
  const std::vector<int> none, every = {0, 1, 2, 3}, all_but_last = {0, 1, 2};
  EXPECT_EQ(draws("ddim"), none);
  EXPECT_EQ(draws("ddim:eta=0.5"), every);
  EXPECT_EQ(draws("euler"), none);
  EXPECT_EQ(draws("euler:churn=2"), every);
  EXPECT_EQ(draws("euler_ancestral"), every);
  EXPECT_EQ(draws("dpmpp_2m"), none);
  EXPECT_EQ(draws("dpmpp_2m_sde"), every);
  EXPECT_EQ(draws("dpmpp_2m:algorithm=sde"), every);
  EXPECT_EQ(draws("lcm"), all_but_last);
}

TEST(SchedulersTest, HalfPrecisionPredictionsGiveFullPrecisionLatents) {
  for (const std::string& name : diffusion_schedulers()) {
    const auto scheduler = make(kScaled, name, 2);
    const NoiseSource source = [](int index) { return random_like(kShape, 50 + index); };
    const at::Tensor half = random_like(kShape, 4).to(at::kBFloat16);
    const at::Tensor latent = scheduler->advance(scheduler->steps()[0], half, random_like(kShape, 3), source);
    EXPECT_EQ(latent.scalar_type(), at::kFloat) << name;
    EXPECT_EQ(scheduler->estimate().scalar_type(), at::kFloat) << name;
  }
}

TEST(SchedulersTest, WrongShapesAndMissingNoiseAreRefused) {
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

TEST(SchedulersTest, StepCountsBeyondTheTrainingAreRefused) {
  for (const std::string& name : diffusion_schedulers()) {
    for (const int steps : {0, -1, 1001}) {
      EXPECT_THROW(make(kScaled, name, steps), std::invalid_argument) << name << " " << steps;
    }
    EXPECT_THAT(error_of(kScaled, name, 0), HasSubstr("'steps' must lie in 1 to 1000, got 0")) << name;
  }
}

TEST(SchedulersTest, EveryTrainingStepCanBeVisited) {
  for (const std::string& name : diffusion_schedulers()) {
    if (name == "lcm") continue;  // limited by its teacher, see below
    const auto scheduler = make(kScaled + R"(, "num_train_timesteps": 50, "timestep_spacing": "trailing",
                                              "clip_sample": false)",
                                name, 50);
    EXPECT_EQ(scheduler->steps().back().timestep, 0) << name;
    at::Tensor latent = random_like(kShape, 3);
    for (const Step& step : scheduler->steps()) {
      latent = scheduler->advance(step, random_like(kShape, 4), latent,
                                  [](int index) { return random_like(kShape, 50 + index); });
    }
    EXPECT_TRUE(latent.isfinite().all().item<bool>()) << name;
  }
}

TEST(SchedulersTest, UnusableFilesAreRefusedWithTheReason) {
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

TEST(SchedulersTest, RefusesWhatItsMethodCannotDo) {
  EXPECT_THAT(
      error_of(kScaled + R"(, "rescale_betas_zero_snr": true, "timestep_spacing": "trailing")", "ddim", 5),
      HasSubstr("timestep 999 is pure noise"));
  EXPECT_THAT(error_of(kScaled + R"(, "timestep_spacing": "leading", "steps_offset": 1)", "ddim", 1000),
              HasSubstr("would be at timestep 1000"));
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
  EXPECT_THAT(error_of(R"("prediction_type": "sample")", "euler_ancestral", 5),
              HasSubstr("use euler or ddim"));
  EXPECT_THAT(error_of(R"("algorithm_type": "dpmsolver")", "dpmpp_2m", 5),
              HasSubstr("set it to dpmsolver++"));
  EXPECT_THAT(error_of(R"("solver_order": 4)", "dpmpp_2m", 5),
              HasSubstr("'solver_order' must be an integer from 1 to 3"));
  EXPECT_THAT(error_of("", "dpmpp_2m_sde:order=3", 5), HasSubstr("order 1 or 2, got 3"));
  EXPECT_THAT(error_of(R"("variance_type": "learned_range")", "dpmpp_2m", 5), HasSubstr("'variance_type'"));
  EXPECT_THAT(error_of(R"("use_flow_sigmas": true)", "dpmpp_2m", 5), HasSubstr("flow-matching"));
  EXPECT_THAT(error_of(R"("lambda_min_clipped": 100)", "dpmpp_2m", 5), HasSubstr("leaves no timestep"));
  EXPECT_THAT(error_of(R"("timestep_spacing": "leading")", "dpmpp_2m", 1000), HasSubstr("1 to 999"));
  EXPECT_THAT(error_of("", "lcm", 51), HasSubstr("'steps' must lie in 1 to 50, got 51"));
  EXPECT_THAT(error_of(R"("original_inference_steps": 2000)", "lcm", 4), HasSubstr("at most 1000, got 2000"));
}

TEST(SchedulersTest, AwkwardCountsKeepTheirLengthWithTrailingSpacing) {
  // 1000 - 61 * (1000 / 61) is a little above 0 in double precision: one timestep more, -1, must not appear.
  for (const std::string name : {"ddim", "euler", "euler_ancestral", "dpmpp_2m"}) {
    for (const int count : {61, 103, 201}) {
      const auto scheduler = make(kScaled + R"(, "timestep_spacing": "trailing")", name, count);
      EXPECT_EQ(static_cast<int>(scheduler->steps().size()), count) << name;
      EXPECT_GE(scheduler->steps().back().timestep, 0) << name;
    }
  }
}

TEST(SchedulersTest, VelocityFromPureNoiseAtFullEtaStaysFinite) {
  // Nothing of the old noise may remain; rounding must not take the root of a negative number.
  for (const int count : {7, 13, 25}) {
    const auto scheduler =
        make(kScaled + R"(, "timestep_spacing": "trailing", "prediction_type": "v_prediction",
                                              "rescale_betas_zero_snr": true, "clip_sample": false)",
             "ddim:eta=1", count);
    const at::Tensor a =
        scheduler->advance(scheduler->steps()[0], random_like(kShape, 1), random_like(kShape, 2),
                           [](int) { return random_like(kShape, 3); });
    EXPECT_TRUE(a.isfinite().all().item<bool>()) << count;
  }
}

TEST(SchedulersTest, RepeatedNoiseLevelsDoNotBreakMultistepMethods) {
  // 1000 rounded timesteps of 1001 points: two coincide.
  const auto scheduler = make(kScaled, "dpmpp_2m:spacing=linspace,order=3", 1000);
  at::Tensor latent = random_like(kShape, 3);
  for (const Step& step : scheduler->steps()) {
    latent = scheduler->advance(step, random_like(kShape, 4 + step.index % 3), latent, nullptr);
  }
  EXPECT_TRUE(latent.isfinite().all().item<bool>());
}

TEST(SchedulersTest, OptionsOverrideTheFile) {
  const std::string file =
      kScaled + R"(, "timestep_spacing": "leading", "steps_offset": 1, "clip_sample": false)";
  EXPECT_EQ(make(file, "ddim", 4)->steps()[0].timestep, 751);
  EXPECT_EQ(make(file, "ddim:spacing=trailing", 4)->steps()[0].timestep, 999);
  EXPECT_EQ(make(file, "lcm:original_steps=100", 100)->steps().size(), 100u);
  EXPECT_GT(make(file, "euler:spacing=trailing,zero_snr=true,prediction=v", 4)->steps()[0].sigma, 4095);
  const double normal = make(file, "dpmpp_2m", 8)->steps()[4].sigma;
  const double karras = make(file, "dpmpp_2m:karras=true", 8)->steps()[4].sigma;
  EXPECT_LT(karras, normal) << "Karras' spacing spends more steps on low noise";
  EXPECT_NEAR(make(file + R"(, "use_karras_sigmas": true)", "dpmpp_2m:karras=false", 8)->steps()[4].sigma,
              normal, 1e-9);
  EXPECT_NE(make(file + R"(, "use_karras_sigmas": true)", "euler:exponential=true", 8)->steps()[4].sigma,
            karras);
  EXPECT_THAT(error_of(file, "ddim:spacing=trailng", 4), HasSubstr("did you mean 'trailing'?"));
  EXPECT_THAT(error_of(file, "ddim:eta=2", 4), HasSubstr("must lie in 0 to 1"));
  EXPECT_THAT(error_of(file, "ddim:etaa=1", 4), HasSubstr("did you mean 'eta'?"));
}

TEST(MakeSchedulerTest, TheFolderNamesItsOwn) {
  EXPECT_EQ(make(R"("_class_name": "DDIMScheduler")", "", 4)->steps()[0].timestep, 750);
  EXPECT_EQ(make(R"("_class_name": "EulerDiscreteScheduler")", "", 4)->steps()[0].timestep, 999);
  EXPECT_EQ(make(R"("_class_name": "LCMScheduler")", "", 4)->steps()[0].timestep, 999);
  for (const char* name : {"EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"}) {
    EXPECT_EQ(make("\"_class_name\": \"" + std::string(name) + "\"", "", 4)->steps().size(), 4u);
  }
}

TEST(MakeSchedulerTest, PndmFoldersAreReadAsDdim) {
  // Stable Diffusion 1.5's file.
  const std::string file =
      kScaled + R"(, "_class_name": "PNDMScheduler", "clip_sample": false, "skip_prk_steps": true,
                                          "set_alpha_to_one": false, "steps_offset": 1, "trained_betas": null)";
  const auto own = make(file, "", 20), ddim = make(file, "ddim", 20);
  ASSERT_EQ(own->steps().size(), 20u);
  EXPECT_EQ(own->steps()[0].timestep, 951);
  const at::Tensor latent = random_like(kShape, 1), answer = random_like(kShape, 2);
  EXPECT_TRUE(at::equal(own->advance(own->steps()[3], answer, latent, nullptr),
                        ddim->advance(ddim->steps()[3], answer, latent, nullptr)));
}

TEST(MakeSchedulerTest, AnotherSchedulerKeepsTheFoldersNoise) {
  const std::string file = kScaled + R"(, "_class_name": "DDIMScheduler", "prediction_type": "v_prediction",
                                          "timestep_spacing": "trailing", "rescale_betas_zero_snr": true)";
  const auto euler = make(file, "euler", 4);
  EXPECT_EQ(euler->steps()[0].timestep, 999);
  EXPECT_GT(euler->initial_noise_scale(), 4095);
}

TEST(MakeSchedulerTest, UnknownNamesAreRefusedWithTheNearest) {
  EXPECT_THROW(make("", "eular", 4), std::invalid_argument);
  EXPECT_THAT(error_of("", "eular", 4), HasSubstr("did you mean 'euler'?"));
  EXPECT_THROW(make("", "", 4), std::runtime_error);
  EXPECT_THAT(error_of("", "", 4), HasSubstr("must name a scheduler"));
  EXPECT_THAT(error_of(R"("_class_name": "DDIMSheduler")", "", 4),
              HasSubstr("did you mean 'DDIMScheduler'?"));
  EXPECT_THAT(error_of(R"("_class_name": "HeunDiscreteScheduler")", "", 4), HasSubstr("dpmpp_2m"));
}

}  // namespace
}  // namespace reel::guidance
