// Logits processors against transformers', and draws.
#include "guidance/decoding/token_scores.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tests/support/temporary_folder.h"

namespace reel::guidance::token_scores_test {

TEST(TokenScoresTest, AreThoseOfTransformers) {
  const Golden golden("decoding/golden.safetensors");
  const auto all = nlohmann::json::parse(read_file(REEL_GOLDEN "/decoding/settings.json"));
  const at::Tensor logits = golden["logits"], ids = golden["ids"];
  for (size_t i = 0; i < all.size(); ++i) {
    DecodeSettings settings;
    settings.repetition_penalty = all[i].value("repetition_penalty", 1.0);
    const bool chance =
        all[i].contains("temperature") || all[i].contains("top_k") || all[i].contains("top_p");
    settings.temperature = all[i].value("temperature", chance ? 1.0 : 0.0);
    settings.top_k = all[i].value("top_k", 0), settings.top_p = all[i].value("top_p", 1.0);
    const at::Tensor scores =
        processed_scores(logits, {ids.const_data_ptr<int64_t>(), size_t(ids.numel())}, settings);
    EXPECT_TRUE(at::equal(scores, golden["expected_" + std::to_string(i)])) << all[i];
  }
  EXPECT_TRUE(at::equal(logits, golden["logits"])) << "are left as they were";
  EXPECT_GT(all.size(), 8U);
}

TEST(TokenScoresTest, LeaveOutIdsBeyondTheVocabulary) {
  const std::vector<int64_t> ids = {-200, 1, 7};
  const at::Tensor scores = processed_scores(at::tensor({2.F, 2.F, -2.F}), ids, {.repetition_penalty = 2});
  EXPECT_TRUE(at::equal(scores, at::tensor({2.F, 1.F, -2.F})));
}

TEST(TokenScoresTest, ChooseTheFirstOfEqualOnes) {
  EXPECT_EQ(most_likely(at::tensor({1.F, 3.F, 3.F, 2.F})), 1);
}

TEST(TokenScoresTest, AreDrawnByTheirProbabilities) {
  const at::Tensor scores = at::log(at::tensor({0.5, 0.2, 0.0, 0.3})).to(at::kFloat);
  std::mt19937_64 generator(1);
  std::vector<double> counts(4, 0);
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) ++counts[size_t(drawn(scores, generator))];
  for (size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(counts[i] / kDraws, std::vector<double>({0.5, 0.2, 0, 0.3})[i], i == 2 ? 0 : 0.015) << i;
  std::mt19937_64 one(5), other(5);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(drawn(scores, one), drawn(scores, other));
}

}  // namespace reel::guidance::token_scores_test
