// What several schedulers have in common, and how they are chosen. What one promises is in its own test.
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

TEST(MakeSchedulerTest, TheFolderNamesItsOwn) {
  EXPECT_EQ(make(R"("_class_name": "DDIMScheduler")", "", 4)->steps()[0].timestep, 750);
  EXPECT_EQ(make(R"("_class_name": "EulerDiscreteScheduler")", "", 4)->steps()[0].timestep, 999);
  EXPECT_EQ(make(R"("_class_name": "LCMScheduler")", "", 4)->steps()[0].timestep, 999);
  for (const char* name : {"EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"}) {
    EXPECT_EQ(make("\"_class_name\": \"" + std::string(name) + "\"", "", 4)->steps().size(), 4u);
  }
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
