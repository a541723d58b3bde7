// What a model_index.json says of its components is taken at its word.
#include "models/pipelines/support/component_index.h"

#include <gmock/gmock.h>

#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::component_index_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

ComponentIndex index_of(const std::string& text) { return ComponentIndex::of(Config::parse(text, "index")); }

TEST(ComponentIndexTest, ReadsPairsAndLeavesTheRestToThePipeline) {
  const ComponentIndex index = index_of(
      R"({"_class_name": "P", "vae": ["diffusers", "A"], "unet": [null, null], "requires_safety_checker": false})");
  EXPECT_THAT(index.classes, ElementsAre(Pair("vae", "A")));
  EXPECT_TRUE(index.lists_any);
  EXPECT_THAT(index.problems, IsEmpty());
  EXPECT_FALSE(index_of(R"({"_class_name": "P", "requires_safety_checker": false})").lists_any);
  EXPECT_THAT(index_of(R"({"vae": ["A"], "unet": ["diffusers", 7]})").problems,
              ElementsAre(HasSubstr("of 'unet' in model_index.json, got [\"diffusers\",7]"),
                          HasSubstr("of 'vae' in model_index.json, got [\"A\"]")));
}

TEST(ComponentIndexTest, NamesNoMoreOfAHostileFileThanHelps) {
  std::string many = "{\"a\": [1]";
  for (int i = 0; i < 1000; ++i) many += ", \"" + std::string(1000, 'x') + std::to_string(i) + "\": [1]";
  const ComponentIndex index = index_of(many + "}");
  std::string all;
  for (const std::string& problem : index.problems) all += problem;
  EXPECT_LT(all.size(), 3000U);
}

/// The tiny folder of a class with its index changed.
class ChangedIndex {
 public:
  explicit ChangedIndex(const std::string& golden = "pipelines/merged_ddim") {
    fs::copy(golden_folder(golden), folder_.path(), fs::copy_options::recursive);
    index_ = json::parse(read_file(folder_ / "model_index.json"));
  }
  ChangedIndex& set(const std::string& key, const json& value) {
    index_[key] = value;
    return *this;
  }
  ChangedIndex& remove(const std::string& key) {
    index_.erase(key);
    return *this;
  }
  ChangedIndex& without_folder(const std::string& name) {
    fs::remove_all(folder_.path() / name);
    return *this;
  }
  ModelFolder open(const std::string& adapter = "") {
    fs::remove(folder_.path() / "model_index.json");
    write_file(folder_ / "model_index.json", index_.dump());
    return ModelFolder::open(folder_.path().string(), adapter);
  }
  std::vector<std::string> problems() {
    try {
      open();
    } catch (const ModelFolderError& error) {
      EXPECT_THAT(error.what(), HasSubstr("[" + folder_.path().string() + "] "));
      return error.problems();
    }
    return {};
  }

 private:
  TemporaryFolder folder_;
  json index_;
};

TEST(ModelIndexTest, AnUnknownComponentClassIsRefused) {
  for (const std::string name : {"unet", "vae", "text_encoder", "tokenizer"}) {
    EXPECT_THAT(ChangedIndex().set(name, {"diffusers", "StrangerModel"}).problems(),
                ElementsAre(HasSubstr("has a " + name + " of class 'StrangerModel' by model_index.json")))
        << name;
  }
  // Known, but not what lies there.
  EXPECT_THAT(ChangedIndex().set("unet", {"diffusers", "UNet2DConditionModel"}).problems(),
              ElementsAre(AllOf(HasSubstr("'UNet2DConditionModel'"), HasSubstr("'UNetMotionModel'"))));
}

TEST(ModelIndexTest, AMissingComponentIsRefused) {
  for (const std::string name : {"unet", "vae", "text_encoder", "tokenizer", "scheduler"}) {
    EXPECT_THAT(ChangedIndex().remove(name).problems(), ElementsAre(HasSubstr("lists no " + name + " in")));
    EXPECT_THAT(ChangedIndex().set(name, {nullptr, nullptr}).problems(),
                ElementsAre(HasSubstr("lists no " + name + " in")));
    EXPECT_THAT(ChangedIndex().without_folder(name).problems(), ElementsAre(HasSubstr("has no " + name)));
  }
}

TEST(ModelIndexTest, AllProblemsAreListedAtOnce) {
  EXPECT_THAT(ChangedIndex()
                  .remove("vae")
                  .set("unet", {"diffusers", "StrangerModel"})
                  .without_folder("text_encoder")
                  .without_folder("tokenizer")
                  .problems(),
              testing::SizeIs(4));
}

TEST(ModelIndexTest, AUNetOfAnotherPipelineIsRefused) {
  EXPECT_THAT(
      ChangedIndex("pipelines/text_to_video").set("_class_name", "AnimateDiffPipeline").problems(),
      ElementsAre(HasSubstr("has a unet of class 'UNet3DConditionModel'; a AnimateDiffPipeline needs")));
  EXPECT_THAT(ChangedIndex().set("_class_name", "TextToVideoSDPipeline").problems(),
              ElementsAre(HasSubstr("needs one of UNet3DConditionModel")));
}

TEST(ModelIndexTest, AListedMotionAdapterMustBeThereUnlessOneIsGiven) {
  const std::string parts = "pipelines/separate_folders";
  ChangedIndex changed(parts + "/base");
  changed.set("motion_adapter", {"diffusers", "MotionAdapter"});
  EXPECT_THAT(changed.problems(), ElementsAre(HasSubstr("has no motion_adapter/config.json")));
  EXPECT_TRUE(changed.open(golden_folder(parts + "/motion_adapter")).connects_frames);
}

TEST(ModelIndexTest, AFileThatListsNothingLeavesItToTheFolders) {
  ChangedIndex changed;
  for (const char* name : {"unet", "vae", "text_encoder", "tokenizer", "scheduler", "feature_extractor",
                           "image_encoder", "motion_adapter"})
    changed.remove(name);
  EXPECT_EQ(changed.open().denoiser.config.text("_class_name", ""), "UNetMotionModel");
}

TEST(ModelIndexTest, WhatItSaysOfTheSchedulerAndOfUnusedComponentsIsRemembered) {
  EXPECT_EQ(ChangedIndex().open().scheduler_in_index, "");
  EXPECT_EQ(ChangedIndex().set("scheduler", {"diffusers", "StrangerScheduler"}).open().scheduler_in_index,
            "StrangerScheduler");
  EXPECT_THAT(ChangedIndex().open().unused, IsEmpty());
  EXPECT_THAT(ChangedIndex()
                  .set("safety_checker", {"stable_diffusion", "StableDiffusionSafetyChecker"})
                  .set("controlnet", {"diffusers", "ControlNetModel"})
                  .open()
                  .unused,
              ElementsAre("controlnet (ControlNetModel)"));
}

TEST(ConnectedFramesTest, AModelOfPicturesTakesOneFrameOrAnAdapter) {
  const std::string parts = golden_folder("pipelines/separate_folders");
  const ModelFolder pictures = ModelFolder::open(parts + "/base");
  EXPECT_FALSE(pictures.connects_frames);
  EXPECT_NO_THROW(require_connected_frames(pictures, 1));
  try {
    require_connected_frames(pictures, 4);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("[" + parts + "/base]"), HasSubstr("no motion modules"),
                                    HasSubstr("--motion-adapter")));
  }
  EXPECT_NO_THROW(require_connected_frames(ModelFolder::open(parts + "/base", parts + "/motion_adapter"), 4));
  for (const char* video : {"pipelines/merged_ddim", "pipelines/text_to_video", "lvdm/conditioned_on_fps"})
    EXPECT_TRUE(ModelFolder::open(golden_folder(video)).connects_frames) << video;
}

}  // namespace reel::models::component_index_test
