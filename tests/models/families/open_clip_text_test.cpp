// OpenCLIP's text tower against transformers, on tiny random configurations.
#include "models/text/open_clip_tower.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include "models/lora/lora.h"
#include "models/text/tokenizer.h"
#include "tests/support/models.h"

namespace reel::models::open_clip_text_test {

using testing::HasSubstr;

constexpr double kTolerance = 1e-4;  // of a pass in f32: the promise to users

Checkpoint checkpoint_of(const std::string& name, std::string* prefix) {
  const Config config = Config::read(golden_folder("open_clip_text/" + name + "/case.json"));
  *prefix = config.text("prefix", "");
  return Checkpoint::open(golden_folder("open_clip_text/" + name + "/" + config.text("file", "")));
}

std::unique_ptr<TextEncoder> load_case(const std::string& name, const std::string& tokenizer = "",
                                       const LoadOptions& options = {}) {
  std::string prefix;
  const Checkpoint checkpoint = checkpoint_of(name, &prefix);
  return load_open_clip_text(checkpoint, prefix, tokenizer, options);
}

class OpenClipTextGolden : public testing::TestWithParam<std::string> {};

TEST_P(OpenClipTextGolden, EncodesWhatTheLayerBeforeTheLastGives) {
  const c10::InferenceMode inference;
  const auto encoder = load_case(GetParam());
  const Golden golden("open_clip_text/" + GetParam() + "/golden.safetensors");
  int skip = 0;
  for (; golden.has("expected_layer_before_last_" + std::to_string(skip)); ++skip) {
    EXPECT_LE(max_error(encoder->encode_ids(golden["input_ids"], skip),
                        golden["expected_layer_before_last_" + std::to_string(skip)]),
              kTolerance)
        << "clip_skip " << skip;
  }
  EXPECT_GT(skip, 1);
  EXPECT_THROW(encoder->encode_ids(golden["input_ids"], skip), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Cases, OpenClipTextGolden, testing::ValuesIn(golden_cases("open_clip_text")),
                         [](const auto& info) { return info.param; });

TEST(OpenClipTextTest, PadsTextsWithZero) {
  const c10::InferenceMode inference;
  const std::string tokenizer = golden_folder("pipelines/merged_ddim/tokenizer");
  const auto encoder = load_case("lvdm_checkpoint", tokenizer);
  ASSERT_EQ(encoder->max_tokens(), 16);
  const std::vector<int64_t> tokens = encoder->tokenize("a cat");
  at::Tensor ids = at::zeros({1, 16}, at::kLong);
  ids[0].narrow(0, 0, static_cast<int64_t>(tokens.size())).copy_(at::tensor(tokens, at::kLong));
  EXPECT_TRUE(at::equal(encoder->encode({"a cat"}), encoder->encode_ids(ids)));
  ids[0].narrow(0, static_cast<int64_t>(tokens.size()), 1).fill_(Tokenizer::open(tokenizer)->pad_id());
  EXPECT_FALSE(at::equal(encoder->encode({"a cat"}), encoder->encode_ids(ids))) << "CLIP pads otherwise";
}

TEST(OpenClipTextTest, ShowsPatchesTheNamesOfTransformers) {
  std::vector<std::string> asked;
  LoadOptions options;
  options.patch = std::make_shared<LoadOptions::Patch>();
  options.patch->wants = [&](const std::string& name) {
    asked.push_back(name);
    return false;
  };
  load_case("bare_half", "", options);
  EXPECT_THAT(asked, testing::Contains("encoder.layers.0.self_attn.k_proj.weight"));
  EXPECT_THAT(asked, testing::Contains("encoder.layers.0.mlp.fc2.bias"));
}

std::string error_of(const Checkpoint& checkpoint, const std::string& prefix) {
  try {
    load_open_clip_text(checkpoint, prefix, "", {});
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(OpenClipTextTest, SaysWhatIsWrongWithATower) {
  std::string prefix;
  Checkpoint checkpoint = checkpoint_of("lvdm_checkpoint", &prefix);
  EXPECT_THAT(error_of(checkpoint, "elsewhere."),
              HasSubstr("'elsewhere.token_embedding.weight' must be a matrix"));
  Checkpoint damaged = checkpoint;
  damaged.rename([&](const std::string& name) {
    return name == prefix + "transformer.resblocks.1.attn.in_proj_bias" ? "" : name;
  });
  EXPECT_THAT(error_of(damaged, prefix), HasSubstr("missing: encoder.layers.1.self_attn.q_proj.bias"));
  damaged = checkpoint;
  damaged.rename([&](const std::string& name) {
    return name == prefix + "ln_final.bias" ? prefix + "visual.conv1.weight" : name;
  });
  EXPECT_THAT(error_of(damaged, prefix), HasSubstr("unexpected: visual.conv1.weight"));
  damaged = checkpoint;
  damaged.rename([&](const std::string& name) {
    return name.starts_with(prefix + "transformer.resblocks.1.") ||
                   name.starts_with(prefix + "transformer.resblocks.2.")
               ? ""
               : name;
  });
  EXPECT_THAT(error_of(damaged, prefix), HasSubstr("two layers or more"));
}

}  // namespace reel::models::open_clip_text_test
