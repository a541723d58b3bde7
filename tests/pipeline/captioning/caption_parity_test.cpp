// Whole captioners against transformers, and what a text must not depend on.
#include <gmock/gmock.h>

#include <set>

#include "tests/support/captions.h"
#include "tests/support/llava.h"

namespace reel::pipeline::caption_parity_test {

using guidance::DecodeSettings;
using guidance::FinishReason;

constexpr CaptionBatch kWithTensors{.keep_tensors = true};
const std::vector<size_t> kAll = {0, 1, 2, 3, 4, 5};

FinishReason reason_of(const std::vector<int64_t>& ids, const DecodeSettings& settings) {
  return std::ranges::count(settings.eos, ids.back()) > 0 ? FinishReason::kStop : FinishReason::kLength;
}

class Captions : public testing::TestWithParam<std::string> {
 protected:
  const CaptionGoldens goldens_{GetParam()};
  const CaptionModel model_ = load_captioner(goldens_.folder());

  DecodeSettings twelve_tokens() const {
    DecodeSettings settings = model_.settings();
    settings.max_new_tokens = 12;
    return settings;
  }
};

TEST_P(Captions, AreThoseOfTransformers) {
  const DecodeSettings settings = twelve_tokens();
  const auto outcomes = outcomes_of(model_, settings, goldens_.chosen(kAll));
  for (const size_t i : kAll) {
    ASSERT_TRUE(outcomes[i].caption) << i << ": " << outcomes[i].fault->message;
    const Caption& caption = *outcomes[i].caption;
    EXPECT_EQ(caption.ids, goldens_.ids(i, "ids")) << i;
    EXPECT_EQ(caption.text, goldens_.requests[i].text) << i;
    EXPECT_EQ(caption.reason, reason_of(caption.ids, settings)) << i;
    EXPECT_GT(caption.seconds, 0);
    EXPECT_FALSE(caption.tensors.input_ids.defined()) << "nobody asked for tensors";
  }
}

TEST_P(Captions, ComeFromTheNumbersOfTransformers) {
  DecodeSettings settings = twelve_tokens();
  settings.eos.clear();
  const auto outcomes = outcomes_of(model_, settings, goldens_.chosen(kAll), kWithTensors);
  size_t with_logits = 0;
  for (const size_t i : kAll) {
    ASSERT_TRUE(outcomes[i].caption) << i << ": " << outcomes[i].fault->message;
    const Caption::Tensors& tensors = outcomes[i].caption->tensors;
    EXPECT_EQ(list_of(tensors.input_ids), goldens_.input_ids(i, model_.network())) << i;
    EXPECT_LE(models::max_error(tensors.pixel_values, goldens_.pixels(i)), 1e-5) << i;
    EXPECT_LE(models::max_error(tensors.image_features, goldens_.expected(i, "image_features")), 1e-4) << i;
    EXPECT_EQ(outcomes[i].caption->ids, goldens_.ids(i, "steps")) << i;
    EXPECT_EQ(tensors.logits.size(0), 12) << i;
    if (!goldens_.has_logits(i)) continue;
    ++with_logits;
    EXPECT_LE(models::share_of_spread(tensors.logits, goldens_.expected(i, "logits")), 2e-4) << i;
  }
  EXPECT_EQ(with_logits, 3U);
}

TEST_P(Captions, HaveThePositionsOfTransformers) {
  for (const size_t i : kAll) {
    const at::Tensor pixels = goldens_.pixels(i), features = goldens_.expected(i, "image_features");
    std::vector<models::PictureTokens> pictures;
    for (const at::Tensor& own : features.chunk(pixels.size(0)))
      pictures.push_back({own, {pixels.size(2), pixels.size(3)}});
    const auto prompt = model_.network().embed(goldens_.input_ids(i, model_.network()), pictures);
    EXPECT_TRUE(at::equal(prompt.positions.flatten(), goldens_.expected(i, "positions").to(at::kFloat))) << i;
    EXPECT_EQ(prompt.position_shift, 0);
  }
}

TEST_P(Captions, OfOtherSettingsAreThoseOfTransformers) {
  std::set<std::string> runs;
  for (const auto& [run, values] : goldens_.settings.items()) {
    runs.insert(run);
    const DecodeSettings settings = settings_of(values, model_.settings());
    const auto outcomes = outcomes_of(model_, settings, goldens_.chosen(kAll), {.rows = 5});
    for (const size_t i : kAll) {
      ASSERT_TRUE(outcomes[i].caption) << run << " " << i << ": " << outcomes[i].fault->message;
      const nlohmann::json& expected = goldens_.requests[i].runs[run];
      const Caption& caption = *outcomes[i].caption;
      EXPECT_EQ(caption.ids, expected["ids"].get<std::vector<int64_t>>()) << run << " " << i;
      EXPECT_EQ(caption.text, expected["text"]) << run << " " << i;
      const bool cut = run == "stop" && model_.prompts().read(caption.ids) != caption.text;
      EXPECT_EQ(caption.reason, cut ? FinishReason::kText : reason_of(caption.ids, settings))
          << run << " " << i;
    }
  }
  EXPECT_TRUE(runs.contains("beams_2") && runs.contains("beams_4"));
}

TEST_P(Captions, DoNotDependOnTheirNeighboursBitForBit) {
  const DecodeSettings settings = twelve_tokens();
  std::vector<Caption> alone;
  for (const size_t i : kAll) {
    auto outcome = outcomes_of(model_, settings, goldens_.chosen({i}), {.rows = 1, .keep_tensors = true});
    alone.push_back(std::move(*outcome[0].caption));
  }
  const std::vector<size_t> order = {2, 0, 5, 3, 3, 1, 4, 0, 2, 5, 1};
  for (const CaptionBatch batch : {CaptionBatch{.rows = 1, .keep_tensors = true},
                                   {.rows = 3, .keep_tensors = true},
                                   {.rows = 16, .keep_tensors = true},
                                   {.rows = 4, .keep_tensors = true, .kept_features = 0}}) {
    const auto outcomes = outcomes_of(model_, settings, goldens_.chosen(order), batch);
    for (size_t i = 0; i < order.size(); ++i) {
      const Caption &caption = *outcomes[i].caption, &expected = alone[order[i]];
      const std::string place = "rows " + std::to_string(batch.rows) + ", request " + std::to_string(i);
      EXPECT_EQ(caption.text, expected.text) << place;
      EXPECT_EQ(caption.ids, expected.ids) << place;
      EXPECT_TRUE(at::equal(caption.tensors.pixel_values, expected.tensors.pixel_values)) << place;
      EXPECT_TRUE(at::equal(caption.tensors.image_features, expected.tensors.image_features)) << place;
      EXPECT_TRUE(at::equal(caption.tensors.logits, expected.tensors.logits)) << place;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Captions, testing::ValuesIn(models::golden_cases("captions")),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace reel::pipeline::caption_parity_test
