// Folders with VideoCrafter2's single checkpoint: what they are without saying so.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/lvdm_structure.h"

namespace reel::models::videocrafter2_test {

double told_rate(const ModelFolder& model) {
  Conditioning condition;
  model.condition({16, 320, 512}, condition);
  EXPECT_EQ(condition.facts.size(), 1U);
  return condition.facts.at("fps");
}

TEST(VideoCrafter2PipelineTest, AFolderWithNothingButTheCheckpointHasItsDefaults) {
  const LvdmStructure structure;
  const ModelFolder model = ModelFolder::open(structure.path().string());
  EXPECT_EQ(model.pipeline_class, "VideoCrafter2");
  EXPECT_EQ(model.defaults.width, 512);
  EXPECT_EQ(model.defaults.height, 320);
  EXPECT_EQ(model.defaults.num_frames, 16);
  EXPECT_EQ(model.defaults.num_inference_steps, 50);
  EXPECT_EQ(model.defaults.guidance_scale, 12);
  EXPECT_EQ(model.defaults.fps, 8);
  EXPECT_EQ(told_rate(model), 28);
  EXPECT_EQ(model.max_frames, 0);
  EXPECT_EQ(model.latent, LatentShape{});
  EXPECT_EQ(model.text_encoder.prefix, "cond_stage_model.model.");
}

TEST(VideoCrafter2PipelineTest, TheFolderMayStateTheRateThatTheNetworkIsTold) {
  const LvdmStructure structure;
  const auto with = [&](const std::string& text) {
    std::ofstream(structure.path() / "generation_config.json") << text;
    return ModelFolder::open(structure.path().string());
  };
  const ModelFolder model = with(R"({"fps_condition": 12, "num_frames": 32})");
  EXPECT_EQ(told_rate(model), 12);
  EXPECT_EQ(model.defaults.num_frames, 32);
  EXPECT_EQ(model.defaults.fps, 8) << "the file's rate is another matter";
  EXPECT_THROW(with(R"({"fps_condition": 0})"), std::runtime_error);
}

TEST(VideoCrafter2PipelineTest, TakesNoMotionAdapter) {
  const LvdmStructure structure;
  EXPECT_THROW(ModelFolder::open(structure.path().string(),
                                 golden_folder("pipelines/separate_folders/motion_adapter")),
               std::invalid_argument);
}

TEST(VideoCrafter2PipelineTest, IsNotEveryFolderWithACheckpoint) {
  EXPECT_EQ(pipeline_class_of(golden_folder("lvdm/plain_half_stored")), "VideoCrafter2");
  EXPECT_EQ(pipeline_class_of(golden_folder("pipelines/text_to_video/text_encoder")), "")
      << "model.safetensors of a text encoder";
}

}  // namespace reel::models::videocrafter2_test
