#include "pipeline/jobs/lora_choice.h"

#include <cstdlib>

namespace reel::pipeline {

LoraChoice parse_lora(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos && colon + 1 < text.size()) {
    char* end = nullptr;
    const double weight = std::strtod(text.c_str() + colon + 1, &end);
    if (*end == '\0') return {text.substr(0, colon), weight};
  }
  return {text, 1.0};
}

}  // namespace reel::pipeline
