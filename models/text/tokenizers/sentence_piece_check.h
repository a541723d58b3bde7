// Checks a SentencePiece model before the library reads it: the library trusts what it loads.
#pragma once

#include <string>
#include <string_view>

namespace reel::models {

/// `bytes`: the whole file, a protobuf message ModelProto. The message must be well formed, have 1 to 1,000,000 pieces of
/// 1 to 4096 bytes with finite scores, exactly one of them the unknown one, and normalisation tables whose links stay
/// inside of them.
/// Throws: std::runtime_error "[place] ...".
void check_sentence_piece_model(std::string_view bytes, const std::string& place);

}  // namespace reel::models
