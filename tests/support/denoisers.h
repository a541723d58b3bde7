// What the tests of all denoisers do: run stored inputs, and look at the sites.
#pragma once

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include "tests/support/models.h"

namespace reel::models {

constexpr double kForwardTolerance =
    1e-4;  // of a forward pass in f32: the promise to users; typical errors are 1e-6

/// The inputs of a stored forward pass, and what the reference predicts.
struct StoredRun {
  at::Tensor sample;
  Conditioning condition;
  at::Tensor expected;
};

inline std::vector<StoredRun> stored_runs(const Golden& golden) {
  std::vector<StoredRun> all;
  for (int i = 0; golden.has("run" + std::to_string(i) + "/sample"); ++i) {
    const std::string run = "run" + std::to_string(i) + "/";
    const at::Tensor sample = golden[run + "sample"];
    Conditioning condition;
    condition.context = golden[run + "encoder_hidden_states"];
    const int64_t rows = sample.size(0), frames = sample.size(2);
    if (condition.context.size(0) != rows) condition.context = condition.context.unflatten(0, {rows, frames});
    condition.rows.resize(size_t(rows));
    condition.timesteps = golden[run + "timestep"].to(at::kFloat).expand({rows});
    if (golden.has(run + "text_embeds")) condition.pooled = golden[run + "text_embeds"];
    if (golden.has(run + "timestep_cond")) condition.guidance = golden[run + "timestep_cond"];
    if (golden.has(run + "time_ids")) condition.time_ids = golden[run + "time_ids"];
    if (golden.has(run + "fps")) condition.facts["fps"] = golden[run + "fps"].item<double>();
    all.push_back({sample, std::move(condition), golden[run + "expected_sample"]});
  }
  EXPECT_FALSE(all.empty()) << "the golden file holds no runs";
  return all;
}

/// One prediction, in a run of its own.
inline at::Tensor predict_once(const Denoiser& network, const at::Tensor& latent, const Step& step,
                               const Conditioning& condition, attention::Processor& attend) {
  return network.predict(latent, step, *network.begin(condition), attend);
}

/// Runs every stored run of `golden` through the network and compares the predictions.
inline void expect_equal_runs(const Denoiser& network, const Golden& golden) {
  const c10::InferenceMode inference;
  int number = 0;
  for (const StoredRun& run : stored_runs(golden)) {
    attention::Processor attend;
    const at::Tensor prediction = predict_once(network, run.sample, Step{}, run.condition, attend);
    EXPECT_LE(max_error(prediction, run.expected), kForwardTolerance) << "run " << number++;
  }
}

/// Each site of a UNet says how much coarser its map is, as its path does.
inline void expect_levels(const std::vector<attention::Site>& sites, int levels) {
  std::set<int> seen;
  for (const attention::Site& site : sites) {
    int expected = -1;
    if (site.path.starts_with("down_blocks.")) expected = site.path[12] - '0';
    if (site.path.starts_with("mid_block.")) expected = levels - 1;
    if (site.path.starts_with("up_blocks.")) expected = levels - 1 - (site.path[10] - '0');
    EXPECT_EQ(site.level, expected) << site.path;
    seen.insert(site.level);
  }
  EXPECT_GT(seen.size(), 1U) << "the network has sites at several levels";
}

}  // namespace reel::models
