// The plan of a captioner against what it really takes.
#include <gmock/gmock.h>

#include "models/plan.h"
#include "tests/support/llava.h"

namespace reel::models::captioner_plan_test {

TEST(CaptionerPlanTest, CountsWeightsCachesAndProducts) {
  const ComponentFiles files = llava_files(golden_folder("llava/gqa_llama3_full"));
  const FamilyEntry& family = families().of(files.config);
  CaptionSize size{.rows = 2, .pictures = 2, .picture = {12, 12}, .words = 10, .answer = 20};
  const Plan plan = plan_captioner(family, files, {}, size);
  EXPECT_EQ(plan.output_shape, (std::vector<int64_t>{2, 20, 82}));
  // The checkpoint, without the tower's last layer and norm.
  int64_t unused = 0;
  Checkpoint checkpoint = open_checkpoint(files);
  for (const std::string& name : checkpoint.names()) {
    if (name.find("vision_model.encoder.layers.3") != std::string::npos ||
        name.find("post_layernorm") != std::string::npos)
      unused += checkpoint.info(name).bytes();
  }
  EXPECT_GT(unused, 0);
  EXPECT_EQ(plan.weights, checkpoint.bytes() - unused);
  // Keys and values of three layers, two key heads of 12 channels, a block of 256 tokens for each row.
  EXPECT_GT(plan.activations, 3 * 2 * 2 * 12 * 256 * 2 * 4);
  // Products of a decoder layer for each token: 2 x weights.
  EXPECT_GT(plan.flops, 2.0 * 2 * (10 + 20 + 20) * 3 * (40 * 48 * 2 + 40 * 24 * 2 + 3 * 40 * 48));
  size.rows = 1;
  EXPECT_NEAR(plan_captioner(family, files, {}, size).flops, plan.flops / 2, plan.flops / 100);
  EXPECT_EQ(plan_captioner(family, files, {.dtype = at::kBFloat16}, size).weights, plan.weights / 2);
}

}  // namespace reel::models::captioner_plan_test
