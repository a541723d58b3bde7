// Folders that hold a LLaVA: which are recognised, what is found in them, and what is missing.
#include <gmock/gmock.h>

#include "models/hashing/fingerprint.h"
#include "tests/support/llava.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::llava_pipeline_test {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// A copy of a tiny folder with the files that a caption needs beside the weights.
class LlavaFolder : public testing::Test {
 protected:
  std::string folder(const std::string& name, bool complete = true) {
    const fs::path copy = folder_.path() / std::to_string(++count_);
    fs::copy(golden_folder("llava/" + name), copy, fs::copy_options::recursive);
    if (complete) {
      write_file((copy / "tokenizer.json").string(), "{}");
      write_file((copy / "preprocessor_config.json").string(),
                 R"({"image_processor_type": "CLIPImageProcessor"})");
    }
    return copy.string();
  }
  static std::string error_of(const std::string& path) {
    try {
      ModelFolder::open(path);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  static void configure(const std::string& path, const std::string& key, const std::string& value) {
    const Config config = Config::read(path + "/config.json").with(key, value);
    fs::remove(path + "/config.json");
    write_file(path + "/config.json", config.json());
  }
  TemporaryFolder folder_;
  int count_ = 0;
};

TEST_F(LlavaFolder, IsRecognisedByItsConfiguration) {
  for (const std::string& name : golden_cases("llava")) {
    const std::string path = folder(name);
    write_file(path + "/generation_config.json", R"({"eos_token_id": [2, 5], "max_new_tokens": 7})");
    const ModelFolder model = ModelFolder::open(path);
    EXPECT_EQ(model.pipeline_class, "LlavaForConditionalGeneration") << name;
    EXPECT_FALSE(model.makes_videos());
    EXPECT_EQ(model.captioner.folder, path);
    EXPECT_EQ(model.captioner.tokenizer, path);
    EXPECT_EQ(model.captioner.tower, name == "original" ? path + "/clip-tiny" : "");
    EXPECT_EQ(model.caption_input.picture_steps.text("image_processor_type", ""), "CLIPImageProcessor");
    EXPECT_EQ(model.caption_input.chat_template.empty(), name != "original");
    EXPECT_EQ(model.generation.integers("eos_token_id", {}), (std::vector<int64_t>{2, 5}));
    const auto captioner =
        families().of(model.captioner.config).captioner(model.captioner, {.shapes_only = true});
    EXPECT_GT(captioner->sites().size(), 3U);
    EXPECT_EQ(model_fingerprint(model).size(), 16U);
    EXPECT_EQ(list_models({folder_.path().string()}).at(fs::path(path).filename().string()), path);
  }
}

TEST_F(LlavaFolder, StatesAllThatIsMissing) {
  const std::string error = error_of(folder("gqa_llama3_full", /*complete=*/false));
  EXPECT_THAT(error, HasSubstr("neither tokenizer.json nor tokenizer.model"));
  EXPECT_THAT(error, HasSubstr("no preprocessor_config.json"));
  const std::string original = folder("original", /*complete=*/false);
  fs::remove_all(original + "/clip-tiny");
  EXPECT_THAT(error_of(original), HasSubstr("neither tokenizer.json"));
  EXPECT_THAT(error_of(original), HasSubstr("'someone/clip-tiny'"));
  EXPECT_THAT(error_of(original), HasSubstr(original + "/clip-tiny"));
  EXPECT_THAT(error_of(original), Not(HasSubstr("preprocessor_config"))) << "the original code has none";
}

TEST_F(LlavaFolder, LooksForATowerInsideItselfAlone) {
  const std::string path = folder("original"), outside = folder_ / "clip-tiny";
  fs::rename(path + "/clip-tiny", outside);
  for (const std::string& name :
       {std::string("../clip-tiny"), outside, std::string("someone/../../clip-tiny"), std::string("..")}) {
    configure(path, "mm_vision_tower", "\"" + name + "\"");
    EXPECT_THAT(error_of(path), HasSubstr("names the vision tower")) << name;
  }
  fs::create_directory(path + "/someone");
  fs::rename(outside, path + "/someone/clip-tiny");
  configure(path, "mm_vision_tower", R"("someone/clip-tiny")");
  EXPECT_EQ(ModelFolder::open(path).captioner.tower, path + "/someone/clip-tiny");
}

TEST_F(LlavaFolder, OfAnotherTypeIsRefusedByItsName) {
  const std::string path = folder("gqa_llama3_full");
  configure(path, "model_type", R"("qwen2_5_vl")");
  configure(path, "architectures", R"(["Qwen2_5_VLForConditionalGeneration"])");
  EXPECT_THAT(error_of(path), HasSubstr("'qwen2_5_vl', which is not supported"));
}

TEST_F(LlavaFolder, MakesNoVideosAndTakesNoMotionAdapter) {
  const std::string path = folder("gqa_llama3_full");
  try {
    require_video_model(ModelFolder::open(path));
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("writes captions"));
  }
  EXPECT_THROW(ModelFolder::open(path, golden_folder("pipelines/separate_folders/motion_adapter")),
               std::invalid_argument);
}

TEST_F(LlavaFolder, OfTheOriginalCodeEqualsTransformersWithItsTowerInside) {
  const c10::InferenceMode inference;
  const Golden golden("llava/original/golden.safetensors");
  const auto captioner = load_llava("original");
  EXPECT_EQ(captioner->image_token(), -200);
  EXPECT_EQ(captioner->special_ids().eos, std::vector<int64_t>{2});
  EXPECT_EQ(captioner->special_ids().pad, 0);
  EXPECT_LE(max_error(captioner->picture_features(golden["prompt0/pixels"]),
                      golden["prompt0/expected_image_features"]),
            1e-4);
}

}  // namespace reel::models::llava_pipeline_test
