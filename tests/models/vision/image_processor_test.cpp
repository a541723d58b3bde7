#include "models/vision/image_processor.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include "tests/support/golden.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::image_processor_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kGoldens = REEL_GOLDEN "/image_processors/";

ImageProcessor parsed(const std::string& json, const std::string& aspect_ratio = "") {
  return ImageProcessor(read_image_steps(Config::parse(json, "preprocessor_config.json"), aspect_ratio));
}

TEST(ImageProcessorTest, EqualsThePythonProcessorsToTheLastBit) {
  const Golden pictures("image_processors/pictures.safetensors");
  int64_t cases = 0, values = 0, steps_off = 0;
  for (const auto& entry : fs::directory_iterator(kGoldens)) {
    if (!entry.is_directory()) continue;
    const ImageProcessor processor = ImageProcessor::read(entry.path());
    const Golden golden(entry.path() / "golden.safetensors");
    for (const std::string& name : golden.names()) {
      if (!name.ends_with("/expected_pixel_values")) continue;
      const at::Tensor result = processor(pictures[name.substr(0, name.find('/'))]);
      const at::Tensor expected = golden[name];
      ASSERT_EQ(result.sizes(), expected.sizes()) << entry.path() << " " << name;
      EXPECT_TRUE(close(result, expected, 0, 1e-5)) << entry.path() << " " << name;
      steps_off += result.ne(expected).sum().item<int64_t>(), values += result.numel();
    }
    ++cases;
  }
  EXPECT_EQ(cases, 10);
  EXPECT_GT(values, 150000);
  EXPECT_EQ(steps_off, 0) << "values that differ at all, of " << values;
}

TEST(ImageProcessorTest, PadsAsTheOriginalLlavaDoes) {
  const Golden pictures("image_processors/pictures.safetensors"),
      golden("image_processors/clip/golden.safetensors");
  const ImageProcessor padding = ImageProcessor::read(kGoldens + "clip", "pad");
  int64_t padded = 0;
  for (const std::string& name : golden.names()) {
    if (!name.ends_with("/expected_padded")) continue;
    EXPECT_TRUE(at::equal(padding(pictures[name.substr(0, name.find('/'))]), golden[name])) << name;
    ++padded;
  }
  EXPECT_EQ(padded, 9);
  EXPECT_FALSE(ImageProcessor::read(kGoldens + "llava_pad", "square").steps().pad_to_square);
}

TEST(ImageProcessorTest, ABatchEqualsItsParts) {
  const Golden pictures("image_processors/pictures.safetensors");
  const ImageProcessor processor = ImageProcessor::read(kGoldens + "clip");
  const std::vector<std::string> names = {"64x48", "1x40", "97x5", "33x33"};
  std::vector<at::Tensor> given;
  for (const std::string& name : names) given.push_back(pictures[name]);
  const at::Tensor batch = processor.batch(given);
  ASSERT_EQ(batch.sizes(), at::IntArrayRef({4, 3, 30, 30}));
  for (size_t i = 0; i < given.size(); ++i)
    EXPECT_TRUE(at::equal(batch[static_cast<int64_t>(i)], processor(given[i]))) << names[i];
}

TEST(ImageProcessorTest, SaysTheSizeBeforehand) {
  const ImageProcessor free = ImageProcessor::read(kGoldens + "clip_no_crop");
  EXPECT_EQ(free.result_size({101, 150}), (Size{11, 16}));  // 11 * 150 / 101 = 16.3
  EXPECT_EQ(free.result_size({97, 5}), (Size{213, 11}));
  EXPECT_EQ(ImageProcessor::read(kGoldens + "clip").result_size({97, 5}), (Size{30, 30}));
}

TEST(ImageProcessorTest, RefusesPicturesThatItCannotTake) {
  const ImageProcessor free = ImageProcessor::read(kGoldens + "clip_no_crop");
  const auto refusal = [&](const std::vector<at::Tensor>& pictures) {
    try {
      free.batch(pictures);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto black = [](int64_t height, int64_t width) { return at::zeros({height, width, 3}, at::kByte); };
  EXPECT_EQ(refusal({black(20, 30), black(40, 60)}), "");
  EXPECT_THAT(refusal({}), HasSubstr("got none"));
  EXPECT_THAT(refusal({black(20, 30), black(20, 40)}), HasSubstr("one size, got 11x16 and 11x22"));
  EXPECT_THAT(refusal({black(20, 30).to(at::kFloat)}), HasSubstr("uint8 [H, W, 3]"));
  EXPECT_THAT(refusal({at::zeros({20, 30, 4}, at::kByte)}), HasSubstr("uint8 [H, W, 3]"));
  EXPECT_THAT(refusal({black(1, 600'000)}),
              HasSubstr("at most 2^26 pixels, got 11x6600000 from one of 1x600000"));
}

TEST(ImageProcessorTest, NeitherWindowNorSquareIsFormedForStrips) {
  const at::Tensor strip = at::full({1, 1'000'000, 3}, 200, at::kByte);
  const at::Tensor crop = parsed(R"({"image_processor_type": "CLIPImageProcessor"})")(strip);
  EXPECT_EQ(crop.sizes(), at::IntArrayRef({3, 224, 224}));
  EXPECT_EQ(crop[0].min().item<float>(), crop[0].max().item<float>());
  const at::Tensor square =
      parsed(R"({"image_processor_type": "LlavaImageProcessor", "do_pad": true})")(strip);
  EXPECT_EQ(square.sizes(), at::IntArrayRef({3, 224, 224}));
}

}  // namespace reel::models::image_processor_test
