// What a model will not read of a prompt as it is written.
#pragma once

#include <string>
#include <vector>

#include "guidance/prompt_schedule.h"
#include "models/text_encoder.h"
#include "pipeline/run/run_context.h"
#include "pipeline/value.h"

namespace reel::pipeline {

/// The words of a prompt that `known` (lower-case) does not hold, lower-case, each once, in order. Words are
/// runs of ASCII letters and digits and of bytes beyond ASCII.
std::vector<std::string> words_beyond(const std::vector<std::string>& known, const std::string& prompt);

/// Warns of each prompt that has more tokens than the model reads and, once, of words that the model's
/// training texts did not have, where its folder says which they had (`prompt_words`).
void check_prompts(const guidance::PromptKeys& prompts, const ClipHandle& clip,
                   const models::TextEncoder& encoder, const RunContext& context);

}  // namespace reel::pipeline
