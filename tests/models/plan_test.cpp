// Plans against what networks really take: the same components, built and run with data.
#include "models/plan.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include "models/layers/vae_tiling.h"
#include "tests/support/denoisers.h"
#include "tests/support/host_tensors.h"
#include "tests/support/models.h"

namespace reel::models::plan_test {

/// What a call returns, and bytes on the host at its peak beyond those before it.
struct Measured {
  at::Tensor result;
  int64_t peak = 0;
};
Measured measure(const std::function<at::Tensor()>& run) {
  const c10::InferenceMode inference;
  const int64_t before = HostTensors::counter().live();
  HostTensors::counter().take_peak();
  Measured measured{run()};
  measured.peak = HostTensors::counter().take_peak() - before;
  return measured;
}

void expect_near(int64_t planned, int64_t measured, const std::string& what) {
  EXPECT_NEAR(double(planned), double(measured), 0.1 * double(measured)) << what;
}

struct DenoiserCase {
  std::string unet, adapter;
  int64_t channels, width;  // of the latent, of the context
};

const std::vector<DenoiserCase>& denoisers() {
  static const std::vector<DenoiserCase> cases = [] {
    std::vector<DenoiserCase> all;
    for (const auto& [unet, adapter] : std::vector<std::pair<std::string, std::string>>{
             {"unet_motion/merged_mid_motion", ""},
             {"unet_motion/separate_conv_in/unet", "unet_motion/separate_conv_in/motion_adapter"},
             {"unet_3d/four_levels", ""}}) {
      const Golden golden((adapter.empty() ? unet : "unet_motion/separate_conv_in") + "/golden.safetensors");
      all.push_back(
          {unet, adapter, golden["run0/sample"].size(1), golden["run0/encoder_hidden_states"].size(-1)});
    }
    return all;
  }();
  return cases;
}

TEST(PlanTest, CountsTheWeightsThatANetworkKeeps) {
  for (const DenoiserCase& one : denoisers()) {
    const ComponentFiles files = golden_component(one.unet, one.adapter);
    const FamilyEntry& family = families().of(files.config);
    const LoadOptions options{.dtype = at::kDouble};  // which no file has: no weight is a view of its file
    const int64_t before = HostTensors::counter().live();
    const auto network = family.denoiser(files, options);
    const int64_t kept = HostTensors::counter().live() - before;
    const Plan plan = plan_denoiser(family, files, options, {1, one.channels, 2, 8, 8}, {1, 7, one.width});
    EXPECT_EQ(plan.weights, kept) << one.unet;
  }
}

/// Kernels' scratch, which each thread of attention has, is not counted by plans: large inputs and one thread keep it
/// small beside what is.
struct OneThread {
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before); }
  const int before = at::get_num_threads();
};

TEST(PlanTest, ADenoisersPeakIsTheMeasuredOne) {
  const OneThread alone;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const DenoiserCase& one : denoisers()) {
      const ComponentFiles files = golden_component(one.unet, one.adapter);
      const FamilyEntry& family = families().of(files.config);
      const std::vector<int64_t> latent = {2, one.channels, 10, 64, 56}, context = {2, 7, one.width};
      const Plan plan = plan_denoiser(family, files, {.dtype = dtype}, latent, context);
      const auto network = family.denoiser(files, {.dtype = dtype});
      Conditioning condition;
      condition.context = at::zeros(context), condition.rows.resize(2);
      const at::Tensor sample = at::zeros(latent);
      attention::Processor attend;
      const Measured real =
          measure([&] { return predict_once(*network, sample, Step{}, condition, attend); });
      expect_near(plan.activations, real.peak, one.unet + " " + c10::toString(dtype));
      EXPECT_EQ(plan.output, static_cast<int64_t>(real.result.nbytes()));
      EXPECT_EQ(plan.output_shape, real.result.sizes().vec());
    }
  }
}

TEST(PlanTest, ADecodersPeakIsTheMeasuredOne) {
  const OneThread alone;
  const ComponentFiles files = golden_component("vae/four_levels");
  const FamilyEntry& family = families().of(files.config);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const auto vae = family.vae(files, {.dtype = dtype});
    const at::Tensor latent = at::zeros({1, vae->latent_shape().channels, 3, 24, 20});
    const VaeTiling tiling{.frames = frames_at_once(*vae, 24, 20, 0)};
    const Plan plan = plan_vae(family, files, {.dtype = dtype}, latent.sizes());
    const Measured real = measure([&] { return vae->decode(latent, tiling); });
    expect_near(plan.activations, real.peak, c10::toString(dtype));
  }
}

TEST(PlanTest, CountsTheWorkOfATextEncoder) {
  const ComponentFiles files = golden_component("clip_text/quick_gelu_legacy_eos");
  const FamilyEntry& family = families().of(files.config);
  const Plan plan = plan_text_encoder(family, files, {}, /*rows=*/3);
  const auto value = [&](const char* name) { return double(files.config.integer(name, 0)); };
  const double width = value("hidden_size"), inner = value("intermediate_size"),
               tokens = value("max_position_embeddings");
  const double layer = 2 * tokens * width * (4 * width + 2 * inner) + 4 * tokens * tokens * width;
  EXPECT_EQ(plan.flops, 3 * value("num_hidden_layers") * layer);
  EXPECT_EQ(plan.output_shape, (std::vector<int64_t>{3, int64_t(tokens), int64_t(width)}));
}

TEST(PlanTest, ADeviceNeedNotBeThere) {
  const DenoiserCase& one = denoisers().front();
  const ComponentFiles files = golden_component(one.unet);
  const std::vector<int64_t> latent = {2, one.channels, 4, 48, 40}, context = {2, 7, one.width};
  const auto plan = [&](at::Device device) {
    // In bf16: small products in f32 are computed twice on CPUs (docs/adr/0008-batch-law.md).
    return plan_denoiser(families().of(files.config), files, {.device = device, .dtype = at::kBFloat16},
                         latent, context);
  };
  EXPECT_EQ(plan(at::kCUDA).weights, plan(at::kCPU).weights);
  EXPECT_EQ(plan(at::kCUDA).flops, plan(at::kCPU).flops);
  // A GPU takes the wide middle of a feed-forward layer at once.
  EXPECT_GE(plan(at::kCUDA).activations, plan(at::kCPU).activations);
}

}  // namespace reel::models::plan_test
