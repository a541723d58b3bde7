// FRAME:TEXT: a prompt and the frame at which it holds, as users write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reel::guidance {

/// A prompt and the frame, counted from 0, at which it holds.
struct PromptKey {
  int64_t frame = 0;
  std::string text;
};
using PromptKeys = std::vector<PromptKey>;

/// Reads `FRAME:TEXT`: 1 to 9 digits, a colon, and the prompt, without the blanks before it. None if `text` does not
/// begin with a frame. Whether the video has that frame is for the caller to check.
std::optional<PromptKey> find_prompt_key(const std::string& text);

/// The same for a place in which nothing else may stand.
/// Throws: std::invalid_argument "[place] a prompt at a frame is written FRAME:TEXT, got ...".
PromptKey read_prompt_key(const std::string& place, const std::string& text);

}  // namespace reel::guidance
