// Which tokens a tokenizer.json puts around those of a text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reel::models {

struct SurroundingTokens {
  std::vector<int64_t> before, after;
};

/// `json`: the value of `post_processor`: TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel (which adds
/// nothing), or a Sequence of them; empty: none.
/// Throws: std::runtime_error "[place] ..." for other types, malformed ones, and templates that do not hold the text once.
SurroundingTokens read_post_processor(const std::string& json, const std::string& place);

}  // namespace reel::models
