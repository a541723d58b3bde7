// What a tokenizer.json does to a text before it looks for words.
#pragma once

#include <functional>
#include <string>

namespace reel::models {

using TextNormalizer = std::function<std::u32string(std::u32string)>;

/// `json`: the value of `normalizer`: Prepend, Replace, NFC, Lowercase, Strip, or a Sequence of them; empty: none.
/// Throws: std::runtime_error "[place] ..." for other types and malformed ones.
TextNormalizer read_normalizer(const std::string& json, const std::string& place);

}  // namespace reel::models
