// The margin of yes and no.
#include "pipeline/captioning/yes_or_no.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/support/models.h"
#include "tests/support/yes_no_model.h"

namespace reel::pipeline::yes_or_no_test {

constexpr int64_t kVocabulary = 416;

TEST(YesOrNoTest, ComparesTheLargestLogitsOfBothWords) {
  const TemporaryFolder folder;
  make_yes_no_model(folder.path() / "model");
  const PromptWriter prompts(models::ModelFolder::open(folder / "model"), 400);
  const YesOrNo yes_or_no(prompts, kVocabulary);
  at::Tensor logits = at::full({kVocabulary}, 9.0F);             // no other token counts
  logits[402] = 1.5F, logits[403] = -2.0F, logits[404] = 0.25F;  // yes, Yes, no
  EXPECT_DOUBLE_EQ(yes_or_no.margin(logits), 1.25);
  logits[403] = 4.25F;
  EXPECT_DOUBLE_EQ(yes_or_no.margin(logits), 4);
}

TEST(YesOrNoTest, AVocabularyWithoutTheWordsHasNoMargin) {
  const PromptWriter prompts(models::ModelFolder::open(models::golden_folder("captions/llava_1.5_hf")), 400);
  EXPECT_TRUE(std::isnan(YesOrNo(prompts, kVocabulary).margin(at::zeros({kVocabulary}))));
}

}  // namespace reel::pipeline::yes_or_no_test
