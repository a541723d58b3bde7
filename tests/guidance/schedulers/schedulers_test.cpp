// What single schedulers promise, and how they are chosen.
#include <gmock/gmock.h>

#include "tests/guidance/schedulers/scheduler_testing.h"

namespace reel::guidance::schedulers_test {

using testing::HasSubstr;

TEST(SchedulersTest, NoiseIsAskedForOnlyByStochasticSteps) {
  const auto draws = [](const std::string& choice) {
    const auto scheduler = make(kScaled + R"(, "clip_sample": false)", choice, 4);
    std::vector<int> asked;
    at::Tensor latent = pattern(kShape, 3);
    for (const Step& step : scheduler->steps()) {
      latent = scheduler->advance(step, pattern(kShape, 4), latent, [&](int index) {
        asked.push_back(index);
        return pattern(kShape, 5);
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
    const at::Tensor a = scheduler->advance(scheduler->steps()[0], pattern(kShape, 1), pattern(kShape, 2),
                                            [](int) { return pattern(kShape, 3); });
    EXPECT_TRUE(a.isfinite().all().item<bool>()) << count;
  }
}

TEST(SchedulersTest, RepeatedNoiseLevelsDoNotBreakMultistepMethods) {
  // 1000 rounded timesteps of 1001 points: two coincide.
  const auto scheduler = make(kScaled, "dpmpp_2m:spacing=linspace,order=3", 1000);
  at::Tensor latent = pattern(kShape, 3);
  for (const Step& step : scheduler->steps()) {
    latent = scheduler->advance(step, pattern(kShape, 4 + step.index % 3), latent, nullptr);
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
  const at::Tensor latent = pattern(kShape, 1), answer = pattern(kShape, 2);
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

}  // namespace reel::guidance::schedulers_test
