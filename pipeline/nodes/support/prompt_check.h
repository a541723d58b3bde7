// Warns about the parts of a prompt that the model ignores.
#pragma once

#include <string>
#include <vector>

#include "guidance/prompt_schedule.h"
#include "models/model_folder.h"
#include "models/text_encoder.h"
#include "pipeline/run/run_context.h"
#include "pipeline/value.h"

namespace reel::pipeline {

/// The words of a prompt that are not in `known` (lower-case): in lower case, each once, in order. A word is
/// a run of ASCII letters and digits and of bytes beyond ASCII.
std::vector<std::string> words_beyond(const std::vector<std::string>& known, const std::string& prompt);

/// How many phrases of each part a prompt has. Where phrases begin at the same word, the longest is meant ("soccer ball",
/// not "ball"), and its words are not looked at again.
std::vector<int64_t> count_parts(const std::vector<models::PromptPart>& parts, const std::string& prompt);

/// Warns about each prompt that has more tokens than the model reads. If the model's folder lists the words
/// of its training texts (`prompt_words`), also warns, once, about words that are not among them;
/// if it says what these texts named (`prompt_parts`), about prompts that name more or less of it.
void check_prompts(const guidance::PromptKeys& prompts, const ClipHandle& clip,
                   const models::TextEncoder& encoder, const RunContext& context);

}  // namespace reel::pipeline
