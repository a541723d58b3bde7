// What generation_config.json says.
#include "guidance/decoding/decode_settings.h"

#include <gmock/gmock.h>

namespace reel::guidance::decode_settings_test {

using testing::ElementsAre;
using testing::HasSubstr;

DecodeSettings read(const std::string& json, std::vector<std::string>* notes = nullptr) {
  models::SpecialIds ids;
  ids.eos = {2};
  return read_decode_settings(models::Config::parse(json, "generation_config.json"), ids, notes);
}

std::string error_of(const std::string& json) {
  try {
    read(json);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(DecodeSettingsTest, OfAnEmptyFileAreTheDefaultsOfTransformers) {
  const DecodeSettings settings = read("{}");
  EXPECT_EQ(settings.temperature, 0);
  EXPECT_EQ(settings.num_beams, 1);
  EXPECT_EQ(settings.repetition_penalty, 1);
  EXPECT_EQ(settings.length_penalty, 1);
  EXPECT_EQ(settings.early_stopping, EarlyStopping::kFixed);
  EXPECT_THAT(settings.eos, ElementsAre(2)) << "that of config.json";
  const DecodeSettings sampled = read(R"({"do_sample": true})");
  EXPECT_EQ(sampled.temperature, 1);
  EXPECT_EQ(sampled.top_k, 50);
  EXPECT_EQ(sampled.top_p, 1);
}

TEST(DecodeSettingsTest, AreReadAsTheyStandInPublishedFiles) {
  std::vector<std::string> notes;
  // llava-hf/llava-1.5-7b-hf, and the original liuhaotian/llava-v1.5-7b.
  EXPECT_THAT(
      read(R"({"_from_model_config": true, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 32001,
                       "transformers_version": "4.36.0"})",
           &notes)
          .eos,
      ElementsAre(2));
  EXPECT_TRUE(notes.empty());
  const DecodeSettings original = read(R"({"attn_implementation": "flash_attention_2", "bos_token_id": 1,
      "eos_token_id": 2, "max_length": 4096, "pad_token_id": 0, "temperature": 0.9, "top_p": 0.6})",
                                       &notes);
  EXPECT_EQ(original.max_length, 4096);
  EXPECT_EQ(original.temperature, 0) << "do_sample is absent";
  EXPECT_THAT(notes,
              ElementsAre(HasSubstr("'temperature' has no effect without do_sample"), HasSubstr("'top_p'")));
  EXPECT_THAT(read(R"({"eos_token_id": [7, 9]})").eos, ElementsAre(7, 9));
  EXPECT_THAT(read(R"({"eos_token_id": null})").eos, ElementsAre(2));
  EXPECT_EQ(read(R"({"early_stopping": "never"})").early_stopping, EarlyStopping::kNever);
  EXPECT_EQ(read(R"({"early_stopping": true})").early_stopping, EarlyStopping::kAtOnce);
  EXPECT_THAT(read(R"({"stop_strings": "END"})").stop_strings, ElementsAre("END"));
  EXPECT_THAT(read(R"({"stop_strings": ["a", "b"]})").stop_strings, ElementsAre("a", "b"));
}

TEST(DecodeSettingsTest, NameKeysThatHaveNoEffectHere) {
  std::vector<std::string> notes;
  read(
      R"({"no_repeat_ngram_size": 3, "min_length": 0, "typical_p": 1.0, "suppress_tokens": [], "made_up": "x",
           "num_return_sequences": 1, "forced_eos_token_id": null})",
      &notes);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("'made_up'"), HasSubstr("'no_repeat_ngram_size'")));
}

TEST(DecodeSettingsTest, AreRefusedOutOfRange) {
  EXPECT_THAT(error_of(R"({"repetition_penalty": 0})"),
              HasSubstr("'repetition_penalty' must be a positive number"));
  EXPECT_THAT(error_of(R"({"do_sample": true, "temperature": 0})"), HasSubstr("'temperature'"));
  EXPECT_THAT(error_of(R"({"do_sample": true, "top_p": 1.5})"),
              HasSubstr("'top_p' must be in 0 to 1, got 1.5"));
  EXPECT_THAT(error_of(R"({"num_beams": 0})"), HasSubstr("num_beams"));
  EXPECT_THAT(error_of(R"({"do_sample": true, "num_beams": 2})"), HasSubstr("leave one of the two out"));
  EXPECT_THAT(error_of(R"({"max_new_tokens": -1})"), HasSubstr("max_new_tokens"));
  EXPECT_THAT(error_of(R"({"eos_token_id": "2"})"), HasSubstr("eos_token_id"));
}

TEST(DecodeSettingsTest, BoundAnAnswer) {
  EXPECT_EQ((DecodeSettings{.max_new_tokens = 5}).room(10, 100), 5);
  EXPECT_EQ((DecodeSettings{.max_new_tokens = 500}).room(10, 100), 90) << "by the model's context";
  EXPECT_EQ((DecodeSettings{.max_length = 30}).room(10, 100), 20);
  EXPECT_EQ((DecodeSettings{.max_new_tokens = 5, .max_length = 12}).room(10, 100), 5) << "as in transformers";
  EXPECT_EQ(DecodeSettings{}.room(10, 100000), DecodeSettings::kNewTokens);
  EXPECT_THROW(DecodeSettings{}.room(100, 100), std::invalid_argument);
  EXPECT_THROW((DecodeSettings{.max_length = 10}).room(10, 100), std::invalid_argument);
}

}  // namespace reel::guidance::decode_settings_test
