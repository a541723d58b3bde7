// How a tokenizer.json turns tokens back into text.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace reel::models {

/// The tokens in, the parts of the text out.
using TokenDecoder = std::function<std::vector<std::string>(std::vector<std::string>)>;

/// `json`: the value of `decoder`: ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, or a Sequence of them; empty:
/// tokens with spaces between them.
/// Throws: std::runtime_error "[place] ..." for other types and malformed ones.
TokenDecoder read_decoder(const std::string& json, const std::string& place);

}  // namespace reel::models
