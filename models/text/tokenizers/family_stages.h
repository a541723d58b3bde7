// The stages of families whose folders may have vocab.json and merges.txt only.
#pragma once

#include <string>

namespace reel::models {

/// As BpeFiles::stages. Source: transformers 5.23, GPT2Tokenizer and Qwen2Tokenizer.
std::string gpt2_stages();
std::string qwen2_stages();

}  // namespace reel::models
