// The extent of latents, from a VAE's configuration and from the VAE itself.
#include "models/latent_shape.h"

#include <gmock/gmock.h>

#include "models/model_folder.h"
#include "tests/support/models.h"

namespace reel::models::latent_shape_test {

using testing::HasSubstr;

/// Packs four frames into one after the first, as the VAEs of video transformers do.
class FourFrames : public Vae {
 public:
  LatentShape latent_shape() const override { return {.channels = 2, .factor = 8, .frame_factor = 4}; }
  at::Tensor encode(const at::Tensor& frames, attention::Processor*) const override {
    const Extent cells = latent_shape().of({frames.size(2), frames.size(3), frames.size(4)}, "vae");
    return at::zeros({frames.size(0), 2, cells.frames, cells.height, cells.width});
  }
  at::Tensor decode(const at::Tensor& latents, const VaeTiling&, const std::function<void(int64_t, int64_t)>&,
                    attention::Processor*) const override {
    const Extent video = latent_shape().video_of({latents.size(2), latents.size(3), latents.size(4)});
    return at::zeros({latents.size(0), 3, video.frames, video.height, video.width});
  }
};

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(LatentShapeTest, CountsCellsAndBack) {
  const LatentShape packed = FourFrames().latent_shape(), plain;
  EXPECT_EQ(packed.of({17, 64, 96}, "test"), (Extent{5, 8, 12}));
  EXPECT_EQ(packed.of({1, 8, 8}, "test"), (Extent{1, 1, 1})) << "a picture is a video of one frame";
  for (const int64_t frames : {1, 5, 81}) {
    const Extent video{frames, 16, 8};
    EXPECT_EQ(packed.video_of(packed.of(video, "test")), video);
  }
  for (const int64_t frames : {1, 2, 16}) {
    EXPECT_EQ(plain.of({frames, 16, 8}, "test"), (Extent{frames, 2, 1}));
    EXPECT_EQ(plain.video_of({frames, 2, 1}), (Extent{frames, 16, 8}));
  }
}

TEST(LatentShapeTest, AVaeThatPacksFramesKeepsToIt) {
  FourFrames vae;
  const at::Tensor latent = vae.encode(at::zeros({1, 3, 9, 16, 24}), nullptr);
  EXPECT_EQ(latent.sizes(), at::IntArrayRef({1, 2, 3, 2, 3}));
  EXPECT_EQ(vae.decode(latent, {}, {}, nullptr).sizes(), at::IntArrayRef({1, 3, 9, 16, 24}));
}

TEST(LatentShapeTest, NamesTheNearestNumbersOfFrames) {
  const LatentShape packed = FourFrames().latent_shape();
  const auto of_frames = [&](int64_t frames) {
    return refusal([&] { packed.check_frames("--frames", frames, " for this model"); });
  };
  EXPECT_EQ(
      of_frames(16),
      "[--frames] the number of frames must be 4k + 1 for this model, got 16; the nearest are 13 and 17");
  EXPECT_THAT(of_frames(2), HasSubstr("got 2; the nearest are 1 and 5"));
  EXPECT_THAT(of_frames(0), HasSubstr("got 0; the nearest are 1 and 5"));
  EXPECT_EQ(of_frames(13), "");
  EXPECT_EQ(refusal([] { LatentShape().check_frames("--frames", 16); }), "") << "no packing, no rule";
}

TEST(LatentShapeTest, NamesTheNearestSides) {
  EXPECT_EQ(refusal([] { LatentShape().check_side("--size", "width", 100, " for this model"); }),
            "[--size] the width must be a multiple of 8 for this model, got 100; the nearest are 96 and 104");
  EXPECT_EQ(refusal([] {
              LatentShape().of({4, 3, 8}, "KSampler");
            }),
            "[KSampler] the height must be a multiple of 8, got 3; the nearest are 8 and 16");
}

TEST(LatentShapeTest, FoldersSayBeforeWeightsAreReadWhatTheVaeSays) {
  for (const std::string name : {"pipelines/merged_ddim", "pipelines/text_to_video",
                                 "pipelines/separate_folders/base", "lvdm/conditioned_on_fps"}) {
    const ModelFolder model = ModelFolder::open(golden_folder(name));
    EXPECT_EQ(families().of(model.vae.config).vae(model.vae, {})->latent_shape(), model.latent) << name;
  }
  for (const std::string& name : golden_cases("vae")) {
    const ComponentFiles files = golden_component("vae/" + name);
    EXPECT_EQ(families().of(files.config).vae(files, {})->latent_shape(),
              LatentShape::of_image_vae(files.config))
        << name;
  }
}

}  // namespace reel::models::latent_shape_test
