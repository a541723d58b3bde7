#include "guidance/prompt_key.h"

#include <stdexcept>

namespace reel::guidance {

std::optional<PromptKey> find_prompt_key(const std::string& text) {
  constexpr size_t kMostDigits = 9;
  const size_t colon = text.find_first_not_of("0123456789");
  if (colon == std::string::npos || text[colon] != ':' || colon == 0 || colon > kMostDigits) return {};
  const size_t begin = text.find_first_not_of(" \t\r\n", colon + 1);
  return PromptKey{std::stoll(text), begin == std::string::npos ? "" : text.substr(begin)};
}

PromptKey read_prompt_key(const std::string& place, const std::string& text) {
  if (auto key = find_prompt_key(text)) return *std::move(key);
  throw std::invalid_argument("[" + place + "] a prompt at a frame is written FRAME:TEXT, got '" + text +
                              "'; for example 8:a dog on grass");
}

}  // namespace reel::guidance
