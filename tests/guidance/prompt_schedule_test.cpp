#include "guidance/prompt_schedule.h"

#include <gmock/gmock.h>

#include "tests/support/golden.h"

namespace reel::guidance::prompt_schedule_test {

using testing::HasSubstr;

/// A text of n letters becomes n everywhere.
class LetterCounter : public models::TextEncoder {
 public:
  at::Tensor encode(const std::vector<std::string>& texts, int clip_skip,
                    attention::Processor*) const override {
    ++calls;
    std::vector<at::Tensor> rows;
    for (const std::string& text : texts)
      rows.push_back(at::full({3, 2}, static_cast<double>(text.size() + clip_skip)));
    return at::stack(rows);
  }
  at::Tensor encode_ids(const at::Tensor&, int, attention::Processor*) const override {
    throw std::logic_error("not asked for");
  }
  std::vector<int64_t> tokenize(const std::string&) const override { return {}; }
  int64_t max_tokens() const override { return 3; }
  mutable int calls = 0;
};

std::vector<float> per_frame(const PromptKeys& keys, int64_t frames, PromptBlend blend) {
  LetterCounter encoder;
  const at::Tensor context = schedule_prompts(keys, frames, encoder, blend);
  EXPECT_EQ(context.sizes(), (std::vector<int64_t>{1, frames, 3, 2}));
  EXPECT_EQ(encoder.calls, 1);
  std::vector<float> values;
  for (int64_t frame = 0; frame < frames; ++frame) {
    values.push_back(context[0][frame][0][0].item<float>());
    EXPECT_TRUE((context[0][frame] == values.back()).all().item<bool>());
  }
  return values;
}

TEST(PromptScheduleTest, InterpolatesBetweenKeysAndStaysOutside) {
  EXPECT_EQ(per_frame({{1, "a"}, {5, "aaaaa"}}, 8, PromptBlend::kLinear),
            (std::vector<float>{1, 1, 2, 3, 4, 5, 5, 5}));
}

TEST(PromptScheduleTest, HoldsTheEarlierKey) {
  EXPECT_EQ(per_frame({{1, "a"}, {3, "aaa"}}, 5, PromptBlend::kHold), (std::vector<float>{1, 1, 1, 3, 3}));
}

TEST(PromptScheduleTest, KeysMayComeInAnyOrder) {
  EXPECT_EQ(per_frame({{4, "aaaaa"}, {0, "a"}, {2, "aaa"}}, 5, PromptBlend::kLinear),
            (std::vector<float>{1, 2, 3, 4, 5}));
}

TEST(PromptScheduleTest, OneKeyIsThePromptOfEveryFrame) {
  EXPECT_EQ(per_frame({{2, "aa"}}, 4, PromptBlend::kLinear), (std::vector<float>{2, 2, 2, 2}));
}

TEST(PromptScheduleTest, KeyFramesKeepTheirContextBitForBit) {
  const at::Tensor contexts = at::arange(12, at::kFloat).sin().reshape({2, 3, 2});
  const at::Tensor result = schedule_contexts({0, 6}, contexts, 7, PromptBlend::kLinear);
  EXPECT_TRUE(at::equal(result[0][0], contexts[0]));
  EXPECT_TRUE(at::equal(result[0][6], contexts[1]));
  EXPECT_TRUE(close(result[0][2], contexts[0] * (2.0 / 3) + contexts[1] * (1.0 / 3), 1e-6, 1e-7));
}

TEST(PromptScheduleTest, FramesOutsideAndDuplicatesAreRefusedBeforeEncoding) {
  LetterCounter encoder;
  const auto error_of = [&](const PromptKeys& keys) -> std::string {
    try {
      schedule_prompts(keys, 16, encoder, PromptBlend::kLinear);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of({{16, "a"}}), HasSubstr("must lie in 0 to 15, got 16"));
  EXPECT_THAT(error_of({{-1, "a"}}), HasSubstr("got -1"));
  EXPECT_THAT(error_of({{3, "a"}, {3, "b"}}), HasSubstr("frame 3 must have one prompt"));
  EXPECT_THAT(error_of({}), HasSubstr("at least one prompt"));
  EXPECT_EQ(encoder.calls, 0);
  EXPECT_THROW(schedule_contexts({0, 1}, at::zeros({3, 2, 2}), 4, PromptBlend::kHold), std::invalid_argument);
}

}  // namespace reel::guidance::prompt_schedule_test
