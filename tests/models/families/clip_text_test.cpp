// CLIPTextModel against transformers, on tiny random configurations.
#include <c10/core/InferenceMode.h>

#include "tests/support/models.h"

namespace reel::models::clip_text_test {

constexpr double kTolerance = 1e-4;  // of a pass in f32: the promise to users

class ClipTextGolden : public testing::TestWithParam<std::string> {};

TEST_P(ClipTextGolden, EncodesWhatTransformersEncodes) {
  const c10::InferenceMode inference;
  const ComponentFiles files = golden_component("clip_text/" + GetParam());
  const auto encoder = families().of(files.config).text_encoder(files, {});
  const Golden golden("clip_text/" + GetParam() + "/golden.safetensors");
  int runs = 0;
  for (; golden.has("run" + std::to_string(runs) + "/input_ids"); ++runs) {
    const std::string run = "run" + std::to_string(runs) + "/";
    const at::Tensor ids = golden[run + "input_ids"];
    EXPECT_LE(max_error(encoder->encode_ids(ids), golden[run + "expected_last_hidden_state"]), kTolerance)
        << run;
    for (int skip = 1; golden.has(run + "expected_clip_skip_" + std::to_string(skip)); ++skip) {
      EXPECT_LE(max_error(encoder->encode_ids(ids, skip),
                          golden[run + "expected_clip_skip_" + std::to_string(skip)]),
                kTolerance)
          << run << " clip_skip " << skip;
    }
  }
  EXPECT_GT(runs, 0);
}

INSTANTIATE_TEST_SUITE_P(Cases, ClipTextGolden, testing::ValuesIn(golden_cases("clip_text")),
                         [](const auto& info) { return info.param; });

TEST(ClipTextTest, RefusesIdsAndSkipsThatDoNotExist) {
  const ComponentFiles files = golden_component("clip_text/quick_gelu_legacy_eos");
  const auto encoder = families().of(files.config).text_encoder(files, {});
  EXPECT_THROW(encoder->encode_ids(at::full({1, 4}, 300, at::kLong)), std::runtime_error)
      << "beyond the vocabulary";
  EXPECT_THROW(encoder->encode_ids(at::zeros({1, 78}, at::kLong)), std::invalid_argument)
      << "beyond the positions";
  EXPECT_THROW(encoder->encode_ids(at::zeros({1, 4}, at::kLong), 3), std::invalid_argument)
      << "two layers only";
}

}  // namespace reel::models::clip_text_test
