// Which pipeline a folder belongs to, and that a stub's word is all that a folder's description needs.
#include "models/pipeline_registry.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace reel::models::pipeline_registry_test {

using testing::ElementsAre;
using testing::HasSubstr;

/// A pipeline whose VAE packs frames; its folders may also hold nothing but a file named `name`.
PipelineEntry stub(const std::string& name) {
  PipelineEntry entry;
  entry.spec = {name, "A stub.", ""};
  entry.class_names = {name + "Pipeline", name + "OldPipeline"};
  entry.recognises = [name](const std::string& folder) {
    if (std::filesystem::exists(folder + "/broken")) throw std::runtime_error("[" + folder + "] is broken");
    return std::filesystem::exists(folder + "/" + name);
  };
  entry.open = [](ModelFolder& model, const Config& generation) {
    model.latent = {.channels = 16, .factor = 8, .frame_factor = 4};
    model.defaults.num_frames = 81, model.defaults.fps = 16;
    model.condition = [rate = frame_rate(generation, "shown_fps", 24)](const Extent& video,
                                                                       Conditioning& condition) {
      condition.facts["seconds"] = static_cast<double>(video.frames) / rate;
    };
  };
  return entry;
}

class PipelineRegistryTest : public testing::Test {
 protected:
  PipelineRegistryTest() {
    pipelines_.add(stub("First"));
    pipelines_.add(stub("Second"));
  }
  void write(const std::string& name, const std::string& text) { write_file(folder_ / name, text); }
  ModelFolder open() { return ModelFolder::open(pipelines_, folder_.path().string()); }
  std::string refusal() {
    try {
      open();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  PipelineRegistry pipelines_;
  TemporaryFolder folder_;
};

TEST_F(PipelineRegistryTest, FindsAPipelineByAnyOfItsClassNames) {
  write("model_index.json", R"({"_class_name": "SecondOldPipeline"})");
  const ModelFolder model = open();
  EXPECT_EQ(model.pipeline_class, "SecondOldPipeline");
  EXPECT_EQ(model.path, folder_.path().string());
  EXPECT_EQ(model.stamp, folder_stamp(model.path));
  EXPECT_EQ(model.latent.frame_factor, 4);
}

TEST_F(PipelineRegistryTest, NamesTheClassThatItDoesNotKnowAndThoseThatItKnows) {
  write("model_index.json", R"({"_class_name": "ThirdPipeline"})");
  EXPECT_EQ(refusal(), "[" + (folder_ / "model_index.json") +
                           "] states the class 'ThirdPipeline', which is not supported; supported are "
                           "FirstPipeline, FirstOldPipeline, SecondPipeline, SecondOldPipeline");
}

TEST_F(PipelineRegistryTest, AsksThePipelinesAboutFoldersWithoutAnIndex) {
  EXPECT_THAT(refusal(), HasSubstr("has no model_index.json; name the folder that holds unet"));
  write("Second", "");
  EXPECT_EQ(open().pipeline_class, "SecondPipeline");
  write("broken", "");
  EXPECT_EQ(refusal(), "[" + folder_.path().string() + "] is broken") << "not: has no model_index.json";
}

TEST_F(PipelineRegistryTest, TheFoldersOwnDefaultsComeAfterThePipelines) {
  write("First", "");
  write("generation_config.json", R"({"num_frames": 49, "shown_fps": 7, "prompt_words": ["fox", "snow"]})");
  const ModelFolder model = open();
  EXPECT_EQ(model.defaults.num_frames, 49);
  EXPECT_EQ(model.defaults.fps, 16);
  EXPECT_THAT(model.prompt_words, ElementsAre("fox", "snow"));
  Conditioning condition;
  model.condition({49, 64, 64}, condition);
  EXPECT_EQ(condition.facts.at("seconds"), 7);
}

TEST_F(PipelineRegistryTest, TheFolderMaySayWhatTrainingTextsNamed) {
  write("First", "");
  write(
      "generation_config.json",
      R"({"prompt_parts": {"objects": {"least": 1, "most": 2, "phrases": ["soccer ball"]}, "places": {"most": 1}}})");
  const std::vector<PromptPart> parts = open().prompt_parts;
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].name, "objects");
  EXPECT_EQ(parts[0].least, 1);
  EXPECT_EQ(parts[0].most, 2);
  EXPECT_THAT(parts[0].phrases, ElementsAre("soccer ball"));
  EXPECT_EQ(parts[1].least, 0);
  EXPECT_EQ(parts[1].most, 1);
}

TEST(KnownPipelinesTest, HaveClassNamesOfTheirOwnAndCanBeOpened) {
  std::set<std::string> seen;
  for (const PipelineEntry& entry : known_pipelines()) {
    EXPECT_TRUE(entry.open) << entry.spec.name;
    EXPECT_FALSE(entry.class_names.empty()) << entry.spec.name;
    for (const std::string& name : entry.class_names) EXPECT_TRUE(seen.insert(name).second) << name;
  }
  EXPECT_GE(seen.size(), 3U);
}

}  // namespace reel::models::pipeline_registry_test
