#include "pipeline/jobs/lora_choice.h"

#include <gtest/gtest.h>

namespace reel::pipeline::lora_choice_test {

TEST(LoraChoiceTest, AWeightIsANumberBehindTheLastColon) {
  for (const auto& [text, path, weight] : {std::tuple{"a.safetensors", "a.safetensors", 1.0},
                                           {"a.safetensors:0.5", "a.safetensors", 0.5},
                                           {"c:/a.safetensors", "c:/a.safetensors", 1.0},
                                           {"c:/a.safetensors:-2", "c:/a.safetensors", -2.0},
                                           {"a:", "a:", 1.0},
                                           {"a:0.5x", "a:0.5x", 1.0}}) {
    EXPECT_EQ(parse_lora(text).path, path) << text;
    EXPECT_EQ(parse_lora(text).weight, weight) << text;
  }
}

TEST(LoraChoiceTest, RefusesWeightsThatAreNoPlainNumbers) {
  for (const char* text : {"a:nan", "a:inf", "a:0x1p1", "a:1e999", "a:21", "a:+1", "a: 1"})
    EXPECT_THROW(parse_lora(text), std::invalid_argument) << text;
}

}  // namespace reel::pipeline::lora_choice_test
