#include "pipeline/jobs/lora_choice.h"

#include <cstdlib>

#include "attention/plugin/value_rule.h"

namespace reel::pipeline {

LoraChoice parse_lora(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos && colon + 1 < text.size()) {
    const std::string word = text.substr(colon + 1);
    const ValueRule rule{.type = ValueType::kNumber, .range = {{-20, 20}}};
    if (const auto weight = read_value(rule, word)) return {text.substr(0, colon), std::get<double>(*weight)};
    char* end = nullptr;
    std::strtod(word.c_str(), &end);
    if (*end == '\0')  // a number in some way, and none that counts: nan, 0x10, 1e999, 21
      throw BadValue("--lora", "weight", rule, word, "a LoRA is written FILE or FILE:WEIGHT");
  }
  return {text, 1.0};
}

}  // namespace reel::pipeline
