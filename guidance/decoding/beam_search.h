// Beam search: several texts of a request side by side, of which the best is taken.
#pragma once

#include "guidance/decoding/search.h"

namespace reel::guidance {

/// settings.num_beams rows; scores, early stopping and ties as in transformers, whose results it gives.
/// Source: transformers generation/utils.py, _beam_search (5.23).
std::unique_ptr<Search> make_beam_search(SearchRequest request, const DecodeSettings& settings);

}  // namespace reel::guidance
