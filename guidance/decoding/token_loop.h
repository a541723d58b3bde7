// The token loop: requests enter a batch as there is room, are read, continued token by token, and leave when finished.
#pragma once

#include <functional>
#include <optional>

#include "attention/processor.h"
#include "guidance/decoding/search.h"
#include "models/captioner.h"

namespace reel::guidance {

/// One text to be made.
struct DecodeRequest {
  models::EmbeddedPrompt prompt;
  std::vector<int64_t> ids;     // of the prompt, for the repetition penalty
  uint64_t seed = 0;            // of chance; a text depends on its own seed alone
  std::vector<int64_t> forced;  // the text, given beforehand (SearchRequest::forced)
};

/// What the loop asks for and tells. Requests are numbered in the order in which `next` returned them. Each function may
/// throw, which ends the loop.
struct DecodeCallbacks {
  /// The next waiting request, empty if there is none. Called when rows are free; a request that is still being prepared
  /// is waited for.
  std::function<std::optional<DecodeRequest>()> next;
  /// A new token of a text of one row. Returns whether the text goes on. May be empty.
  std::function<bool(size_t request, int64_t token)> on_token = {};
  /// A text is finished; texts finish in any order.
  std::function<void(size_t request, DecodedText text)> on_done = {};
};

/// How much is computed at once.
struct DecodeBatch {
  int64_t rows = 16;             // of all requests together; a request with more beams runs alone
  int64_t prompt_tokens = 4096;  // of the prompts that are read in one pass; a longer one is read alone
  bool keep_logits = false;      // in DecodedText::logits
};

/// Continues every request. Prompts of equal length are read together, each of the others by itself, so that no padding is
/// computed and, on CPUs in f32, a text does not depend on the number, the order or the texts of other requests. Between
/// two steps finished rows leave and waiting requests enter. Edits of `attend` are told when a request's rows begin,
/// fork and end, and when all is done; the step is 0 while a prompt is read, and 1 afterwards: rows of a batch are at
/// different places of their texts.
/// Throws: std::invalid_argument for settings out of range (DecodeSettings::check), or a prompt without room for an answer
/// (DecodeSettings::room, which a caller asks before, so that one prompt does not end the others).
void decode(const models::LanguageModel& model, const DecodeSettings& settings, const DecodeBatch& batch,
            attention::Processor& attend, const DecodeCallbacks& callbacks);

/// The same for requests that are all there; their texts in order.
std::vector<DecodedText> decode_all(const models::LanguageModel& model, const DecodeSettings& settings,
                                    const DecodeBatch& batch, attention::Processor& attend,
                                    std::vector<DecodeRequest> requests);

}  // namespace reel::guidance
