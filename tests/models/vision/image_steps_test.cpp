#include "models/vision/image_steps.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace reel::models::image_steps_test {

using testing::AllOf;
using testing::HasSubstr;

ImageSteps read(const std::string& json, const std::string& aspect_ratio = "") {
  return read_image_steps(Config::parse(json, "p.json"), aspect_ratio);
}

template <class Error = std::runtime_error>
std::string refusal(const std::string& json, const std::string& aspect_ratio = "") {
  try {
    read(json, aspect_ratio);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ImageStepsTest, AbsentKeysHaveTheDefaultsOfTheClass) {
  const ImageSteps clip = read(R"({"image_processor_type": "CLIPImageProcessor", "crop_size": null})");
  EXPECT_FALSE(clip.pad_to_square || clip.size);
  EXPECT_EQ(clip.shortest_edge, 224);
  EXPECT_EQ(clip.crop, (Size{224, 224}));
  EXPECT_EQ(clip.filter, Filter::kBicubic);
  EXPECT_EQ(clip.rescale, 1.0 / 255);
  EXPECT_EQ(clip.normal->mean[0], 0.48145466);
  const ImageSteps siglip = read(R"({"image_processor_type": "SiglipImageProcessorFast"})");
  EXPECT_EQ(siglip.size, (Size{224, 224}));
  EXPECT_FALSE(siglip.crop);
  EXPECT_EQ(siglip.normal->std[2], 0.5);
}

TEST(ImageStepsTest, StepsCanBeSwitchedOff) {
  const ImageSteps none =
      read(R"({"image_processor_type": "CLIPImageProcessor", "do_resize": false, "do_center_crop":
    false, "do_rescale": false, "do_normalize": false, "do_flip_channel_order": false, "crop_pct": null})");
  EXPECT_FALSE(none.size || none.crop || none.rescale || none.normal);
  EXPECT_EQ(none.shortest_edge, 0);
}

TEST(ImageStepsTest, ThePadIsColouredAsPythonCutsTheMean) {
  const std::string llava = R"({"image_processor_type": "LlavaImageProcessor"})";
  EXPECT_FALSE(read(llava).pad_to_square);
  const ImageSteps padded = read(llava, "pad");
  EXPECT_TRUE(padded.pad_to_square);
  EXPECT_EQ(padded.background, (std::array<uint8_t, 3>{122, 116, 104}));
  EXPECT_THAT(refusal<std::invalid_argument>(llava, "anyres"),
              HasSubstr("[image_aspect_ratio] must be pad or square"));
}

TEST(ImageStepsTest, WhatItDoesNotKnowIsRefusedByName) {
  const std::string start = R"({"image_processor_type": "CLIPImageProcessor", )";
  EXPECT_THAT(refusal(R"({"image_processor_type": "Qwen2VLImageProcessor"})"),
              AllOf(HasSubstr("[p.json] 'image_processor_type' must be one of CLIPImageProcessor, "),
                    HasSubstr("got Qwen2VLImageProcessor")));
  EXPECT_THAT(refusal(start + R"("do_image_splitting": true})"),
              HasSubstr("'do_image_splitting' is a setting"));
  EXPECT_THAT(refusal(start + R"("use_square_size": true})"), HasSubstr("'use_square_size'"));
  EXPECT_THAT(refusal(start + R"("do_pad": true})"), HasSubstr("got it for CLIPImageProcessor"));
  EXPECT_THAT(refusal(start + R"("data_format": "channels_last"})"), HasSubstr("'data_format' must be"));
  EXPECT_THAT(refusal(start + R"("size": {"longest_edge": 5}})"), HasSubstr("got longest_edge"));
  EXPECT_THAT(refusal(start + R"("size": {"shortest_edge": 5, "longest_edge": 9}})"),
              HasSubstr("shortest_edge"));
  EXPECT_THAT(refusal(start + R"("size": {}})"), HasSubstr("got nothing"));
  EXPECT_THAT(refusal(start + R"("size": {"shortest_edge": 16385}})"), HasSubstr("1 to 16384, got 16385"));
  EXPECT_THAT(refusal(start + R"("size": 0})"), HasSubstr("'size' must be"));
  EXPECT_THAT(refusal(start + R"("size": [3]})"), HasSubstr("'size' must be a number or height and width"));
  EXPECT_THAT(refusal(start + R"("crop_size": {"shortest_edge": 3}})"),
              HasSubstr("'crop_size' must have height"));
  EXPECT_THAT(refusal(start + R"("resample": 6})"), HasSubstr("'resample' must be an integer from 0 to 5"));
  EXPECT_THAT(refusal(start + R"("image_mean": [0, 0]})"),
              HasSubstr("'image_mean' must be one number or three"));
  EXPECT_THAT(refusal(start + R"("image_std": [1, 0, 1]})"), HasSubstr("'image_std' must not be 0"));
  EXPECT_THAT(refusal(start + R"("rescale_factor": "x"})"), HasSubstr("'rescale_factor' must be a number"));
  EXPECT_THAT(refusal(R"({"image_processor_type": "LlavaImageProcessor", "image_mean": 2, "do_pad": true})"),
              HasSubstr("'image_mean' must lie in 0 to 1"));
}

TEST(ImageStepsTest, AFolderHasThemInEitherFile) {
  const TemporaryFolder folder;
  const auto found = [&] { return image_processor_config(folder.path()).text("image_processor_type", ""); };
  EXPECT_THROW(found(), std::runtime_error);
  write_file(folder / "preprocessor_config.json", R"({"image_processor_type": "CLIPImageProcessor"})");
  EXPECT_EQ(found(), "CLIPImageProcessor");
  write_file(folder / "processor_config.json", R"({"processor_class": "LlavaProcessor", "patch_size": 14})");
  EXPECT_EQ(found(), "CLIPImageProcessor");
  write_file(folder / "processor_config.json",
             R"({"image_processor": {"image_processor_type": "SiglipImageProcessor"}})");
  EXPECT_EQ(found(), "SiglipImageProcessor") << "as transformers: the nested object goes first";
}

}  // namespace reel::models::image_steps_test
