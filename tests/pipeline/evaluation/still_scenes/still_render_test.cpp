// Still scenes against the pictures that the bundled captioner was trained on.
#include "pipeline/evaluation/still_scenes/still_render.h"

#include "pipeline/media/pictures/picture_reader.h"
#include "tests/support/golden.h"
#include "tests/support/world.h"

namespace reel::world::still_render_test {

class StillRenderGoldenTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!media::can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
  }
  double number(const std::string& name, int64_t i) const { return golden_[name][i].item<double>(); }
  double number(const std::string& name, int64_t i, int64_t k) const {
    return golden_[name][i][k].item<double>();
  }
  Colour colour(const at::Tensor& values) const {
    return {values[0].item<double>(), values[1].item<double>(), values[2].item<double>()};
  }

  StillScene scene(int64_t i) const {
    StillScene scene;
    scene.background = golden_["background"][i].item<int>();
    if (still_.world.backgrounds[scene.background].ground) scene.horizon = number("horizon", i);
    const at::Tensor jitter = golden_["jitter"][i];
    scene.top = colour(jitter[0]), scene.bottom = colour(jitter[1]), scene.ground = colour(jitter[2]);
    for (int64_t k = 0; k < still_.sprites; ++k) {
      if (!golden_["on"][i][k].item<bool>()) continue;
      scene.sprites.push_back(
          {.object = golden_["sprite"][i][k].item<int>(),
           .pose = {number("x", i, k), number("y", i, k), number("size", i, k), number("angle", i, k)},
           .mirrored = golden_["mirrored"][i][k].item<bool>(),
           .opacity = number("opacity", i, k)});
    }
    for (int64_t b = 0; b < still_.murk.blocks; ++b) {
      const at::Tensor block = golden_["block"][i][b];
      scene.blocks.push_back({block[0].item<double>(), block[1].item<double>(), block[2].item<double>(),
                              block[3].item<double>(), colour(block.narrow(0, 4, 3))});
    }
    scene.haze = number("haze", i), scene.blur = number("blur", i);
    return scene;
  }

  const StillWorld& still_ = bundled_still_world();
  Golden golden_{"still_scenes/golden.safetensors"};
};

TEST_F(StillRenderGoldenTest, PicturesAreThoseOfTheTraining) {
  const at::Tensor expected = golden_["expected_picture"];
  size_t mirrored = 0, blocks = 0;
  for (int64_t i = 0; i < expected.size(0); ++i) {
    const StillScene scene = this->scene(i);
    for (const StillSprite& sprite : scene.sprites) mirrored += sprite.mirrored;
    for (const Block& block : scene.blocks) blocks += block.half_width > 0;
    const at::Tensor picture = render_still(still_, scene);
    ASSERT_EQ(picture.sizes(), (at::IntArrayRef{3, 128, 128}));
    // The reference works in float: a place that is 1e-6 off moves a sharp edge by 1e-4.
    EXPECT_TRUE(close(picture.slice(1, 0, at::nullopt, 4).slice(2, 0, at::nullopt, 4), expected[i], 0, 5e-4))
        << "scene " << i;
  }
  EXPECT_GT(mirrored, 5u);
  EXPECT_GT(blocks, 5u);
}

TEST_F(StillRenderGoldenTest, NoiseHasItsDeviation) {
  StillScene scene = this->scene(0);
  Dice dice(3);
  scene.noise = 0;
  const at::Tensor clean = still_picture(still_, scene, dice).to(at::kFloat);
  ASSERT_EQ(clean.sizes(), (at::IntArrayRef{128, 128, 3}));
  EXPECT_TRUE(close(clean.permute({2, 0, 1}), render_still(still_, scene) * 255, 0, 0.5001));
  scene.noise = 0.05;
  const at::Tensor noise = still_picture(still_, scene, dice).to(at::kFloat) - clean;
  const at::Tensor inner = (clean > 60) & (clean < 195);  // what four deviations do not cut
  EXPECT_NEAR(noise.masked_select(inner).std().item<double>(), 0.05 * 255, 0.4);
  EXPECT_NEAR(noise.masked_select(inner).mean().item<double>(), 0, 0.4);
}

TEST(StillRenderTest, RefusesAnObjectOfAnotherWorld) {
  if (!media::can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
  StillScene scene;
  scene.sprites.push_back({.object = 64, .pose = {}});
  EXPECT_THROW(render_still(bundled_still_world(), scene), std::invalid_argument);
}

}  // namespace reel::world::still_render_test
