// How a tokenizer.json cuts a text into words, which the model then cuts into tokens one by one.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace reel::models {

/// A part of the text, in UTF-8.
struct TextPiece {
  std::string text;
  bool first = false;  // begins where the whole text begins
};
using PreTokenizer = std::function<void(std::vector<TextPiece>&)>;

/// `json`: the value of `pre_tokenizer`: ByteLevel, Metaspace, Split, Digits, or a Sequence of them; empty: none.
/// Throws: std::runtime_error "[place] ..." for other types and malformed ones.
PreTokenizer read_pre_tokenizer(const std::string& json, const std::string& place);

}  // namespace reel::models
