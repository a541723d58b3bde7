// The batch law: a row of a batch gives what it gives alone, bit for bit on a CPU in f32, for a whole network of
// every kind.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "tests/support/denoisers.h"
#include "tests/support/models.h"

namespace reel::models::batch_law_test {

constexpr int64_t kRows = 5;

/// The first row of `t`, `kRows` times, each with noise of its own.
at::Tensor spread(const at::Tensor& t, double noise) {
  if (!t.defined()) return t;
  std::vector<int64_t> sizes = t.sizes().vec();
  sizes[0] = kRows;
  const at::Tensor rows = t.narrow(0, 0, 1).expand(sizes);
  return noise > 0 ? rows + at::randn(sizes) * noise : rows.clone();
}

/// One row of a condition.
Conditioning row_of(const Conditioning& all, int64_t r) {
  Conditioning one = all;
  one.rows.resize(1);
  for (at::Tensor* t : {&one.context, &one.pooled, &one.guidance, &one.timesteps, &one.time_ids}) {
    if (t->defined()) *t = t->narrow(0, r, 1);
  }
  return one;
}

struct Denoisers : testing::TestWithParam<std::tuple<at::DeviceType, std::string>> {};

TEST_P(Denoisers, GiveEachRowWhatItGivesAlone) {
  const c10::InferenceMode inference;
  const auto& [device, name] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  const bool separate = std::filesystem::exists(golden_folder(name + "/unet"));
  const ComponentFiles files =
      separate ? golden_component(name + "/unet", name + "/motion_adapter") : golden_component(name);
  const auto network = families().of(files.config).denoiser(files, {.device = device});
  at::manual_seed(7);
  for (const StoredRun& run : stored_runs(Golden(name + "/golden.safetensors"))) {
    const at::Tensor sample = spread(run.sample, 0.3).to(device);
    Conditioning all = run.condition;
    all.rows.resize(kRows);
    for (at::Tensor* t : {&all.context, &all.pooled, &all.guidance}) *t = spread(*t, 0.3);
    for (at::Tensor* t : {&all.timesteps, &all.time_ids}) *t = spread(*t, 0);
    for (at::Tensor* t : {&all.context, &all.pooled, &all.guidance, &all.timesteps, &all.time_ids}) {
      if (t->defined()) *t = t->to(device);
    }
    double largest = 0;
    attention::Processor attend;
    const at::Tensor together = predict_once(*network, sample, Step{}, all, attend);
    for (int64_t r = 0; r < kRows; ++r) {
      const at::Tensor alone = predict_once(*network, sample.narrow(0, r, 1), Step{}, row_of(all, r), attend);
      const double size = std::max(1.0, together.abs().max().item<double>());
      const double error = max_error(alone, together.narrow(0, r, 1)) / size;
      // cuDNN and cuBLAS choose by the number of pictures and positions; our kernels do not.
      EXPECT_LE(error, device == at::kCUDA ? 1e-3 : 0) << "row " << r;
      largest = std::max(largest, error);
    }
    RecordProperty("largest_difference", std::to_string(largest));
  }
}

std::vector<std::string> every_denoiser() {
  std::vector<std::string> all;
  for (const std::string kind : {"unet_motion", "unet_3d"}) {
    for (const std::string& name : golden_cases(kind)) all.push_back(kind + "/" + name);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(BatchLaw, Denoisers,
                         testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                                          testing::ValuesIn(every_denoiser())),
                         [](const auto& info) {
                           std::string name = std::get<1>(info.param);
                           std::replace(name.begin(), name.end(), '/', '_');
                           return (std::get<0>(info.param) == at::kCUDA ? "cuda_" : "cpu_") + name;
                         });

struct TextEncoders : testing::TestWithParam<std::string> {};

TEST_P(TextEncoders, GiveEachTextWhatItGivesAlone) {
  const ComponentFiles files = golden_component("clip_text/" + GetParam());
  const auto encoder = families().of(files.config).text_encoder(files, {});
  at::manual_seed(3);
  const at::Tensor ids = at::randint(0, 50, {kRows, std::min<int64_t>(9, encoder->max_tokens())}, at::kLong);
  const at::Tensor together = encoder->encode_ids(ids);
  for (int64_t r = 0; r < kRows; ++r)
    EXPECT_TRUE(at::equal(encoder->encode_ids(ids.narrow(0, r, 1)), together.narrow(0, r, 1))) << r;
}

INSTANTIATE_TEST_SUITE_P(BatchLaw, TextEncoders, testing::ValuesIn(golden_cases("clip_text")),
                         [](const auto& info) { return info.param; });

struct Autoencoders : testing::TestWithParam<std::string> {};

/// oneDNN convolves a single picture by another kernel than two or more: there within 1e-5.
TEST_P(Autoencoders, GiveEachFrameWhatItGivesAlone) {
  const ComponentFiles files = golden_component("vae/" + GetParam());
  const auto vae = families().of(files.config).vae(files, {});
  at::manual_seed(5);
  const at::Tensor latent = at::randn({1, vae->latent_shape().channels, kRows, 4, 6});
  const at::Tensor together = vae->decode(latent);
  const at::Tensor pair = vae->decode(latent.narrow(2, 1, 2));
  EXPECT_TRUE(at::equal(pair, together.narrow(2, 1, 2))) << max_error(pair, together.narrow(2, 1, 2));
  const at::Tensor alone = vae->decode(latent.narrow(2, 1, 1));
  EXPECT_LE(max_error(alone, together.narrow(2, 1, 1)), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(BatchLaw, Autoencoders, testing::ValuesIn(golden_cases("vae")),
                         [](const auto& info) { return info.param; });

}  // namespace reel::models::batch_law_test
