// AutoencoderKL against diffusers, on tiny random configurations.
#include <c10/core/InferenceMode.h>

#include "tests/support/models.h"

namespace reel::models::autoencoder_kl_test {

constexpr double kTolerance = 1e-4;  // of a pass in f32: the promise to users

class AutoencoderKlGolden : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    files_ = golden_component("vae/" + GetParam());
    vae_ = families().of(files_.config).vae(files_, {});
  }
  double scale() const { return files_.config.number("scaling_factor", 0.18215); }
  double shift() const { return files_.config.number("shift_factor", 0); }
  c10::InferenceMode inference_;
  ComponentFiles files_;
  std::unique_ptr<Vae> vae_;
};

TEST_P(AutoencoderKlGolden, DecodesWhatDiffusersDecodes) {
  const Golden golden("vae/" + GetParam() + "/golden.safetensors");
  for (int i = 0; golden.has("decode" + std::to_string(i) + "/latent"); ++i) {
    const std::string run = "decode" + std::to_string(i) + "/";
    const at::Tensor latent =
        (golden[run + "latent"] - shift()) * scale();  // the interface undoes scale and shift
    const at::Tensor frames = vae_->decode(latent.transpose(0, 1).unsqueeze(0), {}, {});
    EXPECT_LE(max_error(frames.squeeze(0).transpose(0, 1), golden[run + "expected_image"]), kTolerance)
        << run;
  }
}

TEST_P(AutoencoderKlGolden, EncodesWhatDiffusersEncodes) {
  const Golden golden("vae/" + GetParam() + "/golden.safetensors");
  for (int i = 0; golden.has("encode" + std::to_string(i) + "/image"); ++i) {
    const std::string run = "encode" + std::to_string(i) + "/";
    const at::Tensor image = golden[run + "image"];
    if (image.size(2) % vae_->latent_shape().factor || image.size(3) % vae_->latent_shape().factor) continue;
    const at::Tensor latent = vae_->encode(image.transpose(0, 1).unsqueeze(0));
    const at::Tensor mean = (golden[run + "expected_mean"] - shift()) * scale();
    EXPECT_LE(max_error(latent.squeeze(0).transpose(0, 1), mean), kTolerance) << run;
  }
}

TEST_P(AutoencoderKlGolden, ChunksOfFramesChangeNothing) {
  const at::Tensor latent = at::randn({1, vae_->latent_shape().channels, 5, 4, 6});
  const at::Tensor whole = vae_->decode(latent, {}, {});
  EXPECT_LE(max_error(vae_->decode(latent, {.frames = 2}, {}), whole), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Cases, AutoencoderKlGolden, testing::ValuesIn(golden_cases("vae")),
                         [](const auto& info) { return info.param; });

TEST(VaeTilingTest, TilesStayCloseToTheWholePictureAndReportProgress) {
  const ComponentFiles files = golden_component("vae/two_levels_no_mid_attention");
  const auto vae = families().of(files.config).vae(files, {});
  const at::Tensor latent = at::randn({1, vae->latent_shape().channels, 2, 24, 40});
  const at::Tensor whole = vae->decode(latent, {}, {});
  std::vector<int64_t> done;
  const VaeTiling tiling{.tile = 32, .overlap = 16, .frames = 1};
  const at::Tensor tiled = vae->decode(latent, tiling, [&](int64_t d, int64_t) { done.push_back(d); });
  ASSERT_EQ(tiled.sizes(), whole.sizes());
  EXPECT_GT(done.size(), 4u);
  // Tiles differ from the whole, because group norms see less of the picture, but by little on average.
  EXPECT_LT((tiled - whole).abs().mean().item<double>(), 0.25 * whole.std().item<double>());
  EXPECT_THROW(vae->decode(latent, {.tile = 33}, {}), std::invalid_argument);
}

}  // namespace reel::models::autoencoder_kl_test
