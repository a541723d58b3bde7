// Rendered truth against the renderer that the bundled models were trained with.
#include "pipeline/evaluation/world/render.h"

#include <nlohmann/json.hpp>

#include "pipeline/media/pictures/picture_reader.h"
#include "tests/support/golden.h"
#include "tests/support/world.h"

namespace reel::world::render_test {

const World& world() { return bundled_world(); }

Colour colour_of(const at::Tensor& values) {
  return {values[0].item<double>(), values[1].item<double>(), values[2].item<double>()};
}

class RenderGoldenTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!media::can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
  }
  Scene scene(size_t i) const { return parse_prompt(world(), prompts_.at(i).get<std::string>()); }
  Take take(size_t i) const {
    const auto index = static_cast<int64_t>(i);
    const Scene scene = this->scene(i);
    Take take;
    if (world().backgrounds[scene.background].ground) take.horizon = golden_["horizon"][index].item<double>();
    const at::Tensor jitter = golden_["jitter"][index];
    take.top = colour_of(jitter[0]), take.bottom = colour_of(jitter[1]), take.ground = colour_of(jitter[2]);
    for (size_t k = 0; k < scene.actors.size(); ++k) {
      const at::Tensor t = golden_["take"][index][static_cast<int64_t>(k)].to(at::kDouble).contiguous();
      const double* v = t.const_data_ptr<double>();
      take.actors.push_back({v[0], v[1], v[2], v[3], v[4], v[5]});
    }
    return take;
  }

  Golden golden_{"world/golden.safetensors"};
  nlohmann::json prompts_ = nlohmann::json::parse(golden_.metadata("prompts"));
};

TEST_F(RenderGoldenTest, PromptsAreThoseOfTheTraining) {
  ASSERT_EQ(prompts_.size(), 8u);
  for (size_t i = 0; i < prompts_.size(); ++i)
    EXPECT_EQ(prompt_of(world(), scene(i)), prompts_[i].get<std::string>());
}

TEST_F(RenderGoldenTest, TrajectoriesAreThoseOfTheTraining) {
  const at::Tensor expected = golden_["expected_pose"];
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const Scene scene = this->scene(i);
    const Take take = this->take(i);
    for (size_t k = 0; k < scene.actors.size(); ++k) {
      for (int64_t f = 0; f < 16; ++f) {
        const Pose pose = pose_at(world(), world().motions[scene.actors[k].motion], take.actors[k],
                                  static_cast<double>(f) / 15);
        const at::Tensor found = at::tensor({pose.x, pose.y, pose.size, pose.angle}, at::kDouble);
        EXPECT_TRUE(close(found, expected[static_cast<int64_t>(i)][static_cast<int64_t>(k)][f], 0, 1e-5))
            << prompts_[i] << ", object " << k << ", frame " << f;
      }
    }
  }
}

TEST_F(RenderGoldenTest, FramesAreThoseOfTheTraining) {
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const at::Tensor video = render(world(), scene(i), take(i));
    ASSERT_EQ(video.sizes(), (at::IntArrayRef{16, 3, 128, 128}));
    const at::Tensor picked = video.index_select(0, at::tensor({0, 6, 15}, at::kLong))
                                  .slice(2, 0, at::nullopt, 4)
                                  .slice(3, 0, at::nullopt, 4);
    // The reference works in float: a place that is 1e-6 off moves a sharp edge by 1e-4.
    EXPECT_TRUE(close(picked, golden_["expected_frames"][static_cast<int64_t>(i)], 0, 5e-4)) << prompts_[i];
  }
}

TEST(RenderTest, TheFirstObjectIsDrawnOverTheSecond) {
  Dice dice(1);
  const Scene both = parse_prompt(world(), "a dog standing still and a cat standing still on a pink wall");
  Take take = sample_take(world(), both, dice);
  take.actors[1] = take.actors[0];
  const Scene dog = parse_prompt(world(), "a dog standing still on a pink wall");
  Take alone = take;
  alone.actors.pop_back();
  const at::Tensor together = render(world(), both, take)[0], one = render(world(), dog, alone)[0];
  const at::Tensor bare = render_background(world(), dog, alone, 128, 128);
  const at::Tensor opaque = (one - bare).abs().sum(0) > 0.5;  // well inside the dog
  ASSERT_GT(opaque.sum().item<int64_t>(), 100);
  EXPECT_LT(((together - one).abs().sum(0) * opaque).max().item<float>(), 0.3);
  EXPECT_GT((together - one).abs().max().item<float>(), 0.3);  // the cat shows beside it
}

TEST(RenderTest, ScalesWithTheFrame) {
  Dice dice(1);
  const Scene scene = parse_prompt(world(), "a tree growing on grass");
  const Take take = sample_take(world(), scene, dice);
  const at::Tensor large = render(world(), scene, take, {.width = 256, .height = 256, .num_frames = 3});
  const at::Tensor small = render(world(), scene, take, {.num_frames = 3});
  EXPECT_LT((at::avg_pool2d(large, {2, 2}) - small).abs().mean().item<float>(), 0.01);
}

TEST(RenderTest, RefusesATakeOfAnotherScene) {
  Dice dice(1);
  const Scene one = parse_prompt(world(), "a dog bouncing on grass");
  const Scene two = parse_prompt(world(), "a dog bouncing and a cat bouncing on grass");
  EXPECT_THROW(render(world(), two, sample_take(world(), one, dice)), std::invalid_argument);
  Scene unknown = one;
  unknown.actors[0].object = 64;
  EXPECT_THROW(render(world(), unknown, sample_take(world(), one, dice)), std::invalid_argument);
}

}  // namespace reel::world::render_test
