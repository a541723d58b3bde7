// Every scheduler against the reference implementation: tables, noise levels and whole trajectories.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "guidance/sampling/noise_schedule.h"
#include "guidance/sampling/sigma_schedule.h"
#include "guidance/scheduler.h"
#include "tests/support/golden.h"

namespace reel::guidance::schedulers_golden_test {

const SchedulerRegistry& registry() {
  static const SchedulerRegistry filled = [] {
    SchedulerRegistry registry;
    register_schedulers(registry);
    return registry;
  }();
  return filled;
}

/// The reference passes these to each step; here they are options.
std::string choice_for(const std::string& family, const nlohmann::json& arguments) {
  if (arguments.empty()) return "";
  const std::map<std::string, std::string> names = {{"eta", "eta"},
                                                    {"s_churn", "churn"},
                                                    {"s_tmin", "churn_min"},
                                                    {"s_tmax", "churn_max"},
                                                    {"s_noise", "churn_noise"}};
  std::string choice = family == "DDIMScheduler" ? "ddim" : "euler";
  char separator = ':';
  for (const auto& [key, value] : arguments.items()) {
    choice += separator + names.at(key) + "=" + to_text(value.get<double>());
    separator = ',';
  }
  return choice;
}

/// Largest difference in relation to the largest expected value: near zero a latent carries the rounding of
/// its neighbours, and of the noisier steps before it.
double difference(const at::Tensor& actual, const at::Tensor& expected) {
  EXPECT_EQ(actual.sizes(), expected.sizes());
  EXPECT_TRUE(actual.isfinite().all().item<bool>());
  return ((actual - expected).abs().max() / expected.abs().max()).item<double>();
}

void check_run(const std::string& family, const Golden& golden, const nlohmann::json& run) {
  const std::string name = run.at("run").get<std::string>(), prefix = name + "/";
  SCOPED_TRACE(family + "/" + name);
  const models::Config config =
      models::Config::read(REEL_GOLDEN "/schedulers/" + family + "/" + run.at("config").get<std::string>());
  const auto scheduler =
      make_scheduler(registry(), config, choice_for(family, run.at("arguments")), run.at("steps"));
  const std::vector<Step>& steps = scheduler->steps();
  const at::Tensor timesteps = golden[prefix + "timesteps"].to(at::kDouble);
  ASSERT_EQ(static_cast<int64_t>(steps.size()), timesteps.size(0));

  for (const Step& step : steps) {
    // Timesteps fitted to a rule on sigmas pass through logarithms, whose last bit differs between libraries.
    EXPECT_NEAR(step.timestep, timesteps[step.index].item<double>(), 1e-6 * std::abs(step.timestep))
        << "step " << step.index;
    if (golden.has(prefix + "sigmas")) {
      const double sigma = golden[prefix + "sigmas"][step.index].item<double>();
      EXPECT_NEAR(step.sigma, sigma, 1e-6 * sigma) << "step " << step.index;
    }
  }
  const double initial = golden[prefix + "init_noise_sigma"].item<double>();
  EXPECT_NEAR(scheduler->initial_noise_scale(), initial, 1e-6 * initial);

  const at::Tensor clean = golden[prefix + "add_noise_clean"], noise = golden[prefix + "add_noise_noise"];
  const at::Tensor noised = golden[prefix + "add_noise_result"];
  for (int64_t row = 0; row < 2; ++row) {
    const Step& step = steps[row == 0 ? 0 : steps.size() / 2];
    EXPECT_LT(difference(scheduler->add_noise(clean[row], noise[row], step), noised[row]), 1e-6);
  }

  at::Tensor latent = golden[prefix + "sample_0"];
  for (const Step& step : steps) {
    const std::string at_step = "_" + std::to_string(step.index);
    if (golden.has(prefix + "scaled_input" + at_step)) {
      EXPECT_LT(difference(latent * step.input_scale, golden[prefix + "scaled_input" + at_step]), 1e-5);
    }
    int draws = 0;
    const NoiseSource source = [&](int index) {
      EXPECT_EQ(index, step.index);
      ++draws;
      return golden[prefix + "noise" + at_step];
    };
    latent = scheduler->advance(step, golden[prefix + "prediction" + at_step], latent, source);
    EXPECT_EQ(draws, golden.has(prefix + "noise" + at_step) ? 1 : 0) << "step " << step.index;
    EXPECT_LT(difference(latent, golden[prefix + "sample_" + std::to_string(step.index + 1)]), 1e-5)
        << "step " << step.index;
  }
}

void check_family(const std::string& family) {
  std::ifstream stream(REEL_GOLDEN "/schedulers/runs.json");
  const nlohmann::json listing = nlohmann::json::parse(stream);
  const Golden golden("schedulers/" + family + ".safetensors");
  ASSERT_FALSE(listing.at(family).empty());
  for (const nlohmann::json& run : listing.at(family)) check_run(family, golden, run);
}

TEST(SchedulersGoldenTest, DdimFollowsTheReference) { check_family("DDIMScheduler"); }
TEST(SchedulersGoldenTest, EulerFollowsTheReference) { check_family("EulerDiscreteScheduler"); }
TEST(SchedulersGoldenTest, EulerAncestralFollowsTheReference) {
  check_family("EulerAncestralDiscreteScheduler");
}
TEST(SchedulersGoldenTest, DpmSolverFollowsTheReference) { check_family("DPMSolverMultistepScheduler"); }
TEST(SchedulersGoldenTest, LcmFollowsTheReference) { check_family("LCMScheduler"); }

TEST(NoiseScheduleGoldenTest, AlphasEqualTheReferenceBitForBit) {
  std::ifstream stream(REEL_GOLDEN "/schedulers/runs.json");
  const nlohmann::json listing = nlohmann::json::parse(stream);
  for (const auto& [family, runs] : listing.items()) {
    const Golden golden("schedulers/" + family + ".safetensors");
    for (const nlohmann::json& run : runs) {
      const std::string name = run.at("run").get<std::string>() + "/alphas_cumprod";
      if (!golden.has(name)) continue;
      SCOPED_TRACE(family + "/" + name);
      const models::Config config = models::Config::read(REEL_GOLDEN "/schedulers/" + family + "/" +
                                                         run.at("config").get<std::string>());
      NoiseDefaults defaults;
      if (family == "LCMScheduler") defaults = {0.00085, 0.012, "scaled_linear", "leading"};
      NoiseSchedule noise = read_noise_schedule(config, {}, defaults);
      const bool sigmas = family != "LCMScheduler" && family != "DDIMScheduler";
      if (noise.zero_snr && sigmas) noise.alphas.back() = least_alpha();
      const at::Tensor alphas = at::tensor(noise.alphas, at::kFloat);
      EXPECT_TRUE(at::equal(alphas, golden[name]));
    }
  }
}

}  // namespace reel::guidance::schedulers_golden_test
