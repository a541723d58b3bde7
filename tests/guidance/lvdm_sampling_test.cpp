// DDIM on latents that shrink as noise is added, as VideoCrafter2 samples, against its formulas in double.
#include <gmock/gmock.h>

#include "guidance/scheduler.h"
#include "models/model_folder.h"
#include "tests/support/models.h"

namespace reel::guidance::lvdm_sampling_test {

using models::max_error;

/// The scheduler that a folder with VideoCrafter2's checkpoint has without being told.
std::unique_ptr<Scheduler> make(const std::string& choice, int steps) {
  SchedulerRegistry registry;
  register_schedulers(registry);
  const auto model = models::ModelFolder::open(models::golden_folder("lvdm/conditioned_on_fps"));
  return make_scheduler(registry, model.scheduler, choice, steps);
}

TEST(LvdmSamplingTest, StepsAsVideoCrafterDoesWithFreshNoise) {
  const Golden golden("lvdm_sampling/golden.safetensors");
  const auto scheduler = make("", 5);
  const NoiseSource noise = [&](int index) { return golden["noise_" + std::to_string(index)]; };
  for (const Step& step : scheduler->steps()) {
    const std::string i = std::to_string(step.index), next = std::to_string(step.index + 1);
    EXPECT_EQ(step.timestep, golden["timesteps"][step.index].item<double>());
    const at::Tensor sample =
        scheduler->advance(step, golden["prediction_" + i], golden["sample_" + i], noise);
    EXPECT_LE(max_error(sample, golden["sample_" + next]), 1e-4) << "step " << i;
    EXPECT_LE(max_error(scheduler->estimate(), golden["expected_clean_" + i]), 1e-4) << "step " << i;
  }
}

TEST(LvdmSamplingTest, NoisesACleanLatentAsTheNetworkWasTrained) {
  const auto scaled = make("ddim:eta=0", 5);
  const at::Tensor clean = at::ones({1, 1, 1, 1, 1}), none = at::zeros({1, 1, 1, 1, 1});
  const auto kept = [&](size_t i) {
    return scaled->add_noise(clean, none, scaled->steps()[i]).item<double>();
  };
  const auto plain = [&](size_t i) {  // sqrt(alpha)
    const double noise = scaled->add_noise(none, clean, scaled->steps()[i]).item<double>();
    return std::sqrt(1 - noise * noise);
  };
  // Timesteps 801, 601, ...: constant down to 399, then a straight line to 1 at 0.
  EXPECT_NEAR(kept(0) / plain(0), 0.7, 1e-5);
  EXPECT_NEAR(kept(1) / plain(1), 0.7, 1e-5);
  EXPECT_NEAR(kept(3) / plain(3), 1 - 0.3 * 201 / 399, 1e-5);
  EXPECT_NEAR(kept(4) / plain(4), 1 - 0.3 * 1 / 399, 1e-5);
}

TEST(LvdmSamplingTest, OtherSchedulersRefuseWhatTheyCannotUndo) {
  for (const std::string name : {"euler", "euler_ancestral", "dpmpp_2m", "lcm"}) {
    try {
      make(name, 5);
      ADD_FAILURE() << name;
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("use ddim"));
    }
  }
}

TEST(LvdmSamplingTest, TheFolderSaysHowMuchFreshNoiseUnlessTheUserDoes) {
  int draws = 0;
  const at::Tensor latent = at::ones({1, 1, 1, 1, 1});
  const NoiseSource noise = [&](int) {
    ++draws;
    return latent;
  };
  const auto stochastic = make("", 5), deterministic = make("ddim:eta=0", 5);
  stochastic->advance(stochastic->steps()[0], latent, latent, noise);
  EXPECT_EQ(draws, 1);
  deterministic->advance(deterministic->steps()[0], latent, latent, noise);
  EXPECT_EQ(draws, 1);
}

}  // namespace reel::guidance::lvdm_sampling_test
