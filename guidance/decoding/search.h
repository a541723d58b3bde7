// How one request becomes a text: what its rows of a batch continue with, step by step.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "guidance/decoding/decode_settings.h"

namespace reel::guidance {

/// kStop: an end token came; kLength: no room for more; kText: whoever listens asked for the end (a stop string).
enum class FinishReason { kStop, kLength, kText };

/// A finished text.
struct DecodedText {
  std::vector<int64_t> ids;  // the end token included, if one came
  FinishReason reason = FinishReason::kLength;
  at::Tensor logits;  // [ids, V] f32 that each id was chosen by, if they were asked for; of a single row only
};

/// One request's search. It has one row at first, and as many as advance() returns after each step.
class Search {
 public:
  struct Next {
    size_t parent;  // the row of the step before that this one continues
    int64_t token;
  };
  virtual ~Search() = default;
  /// The most rows that it will have.
  virtual int64_t rows() const = 0;
  /// logits [rows, V] f32 on the host, of the rows that the last call returned. Returns the rows that go on; none: the
  /// text is finished.
  virtual std::vector<Next> advance(const at::Tensor& logits) = 0;
  /// The last token of a text of one row.
  virtual int64_t last() const = 0;
  /// Ends a text of one row after its last token.
  virtual void stop() = 0;
  virtual DecodedText result() = 0;
};

/// What a search is made of.
struct SearchRequest {
  std::vector<int64_t> prompt;  // ids, for the repetition penalty
  int64_t room = 1;             // tokens that the text may have
  uint64_t seed = 0;            // of chance, so that a text does not depend on those beside it
  std::vector<int64_t>
      forced;  // the text, given beforehand: logits are computed for it. Empty: it is searched
  bool keep_logits = false;
};

/// A search by the settings: one row, or beams.
std::unique_ptr<Search> make_search(SearchRequest request, const DecodeSettings& settings);

}  // namespace reel::guidance
