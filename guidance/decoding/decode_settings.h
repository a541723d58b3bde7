// How a text is chosen from a language model's logits: what a user or a model's generation_config.json says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/captioner.h"
#include "models/files/config.h"

namespace reel::guidance {

/// kFixed: ends when the best running beam would be worse than the worst finished one. kAtOnce: as soon as there are as
/// many finished ones as beams (`early_stopping: true`). kNever: only when no beam can become better.
enum class EarlyStopping { kFixed, kAtOnce, kNever };

/// The settings of transformers' GenerationConfig that a text depends on.
struct DecodeSettings {
  static constexpr int64_t kNewTokens = 256;  // if nothing bounds the answer

  int64_t max_new_tokens = 0;  // of an answer, its end token included; 0: not stated
  int64_t max_length = 0;  // of prompt and answer together, if max_new_tokens is not stated; 0: not stated
  double temperature = 0;  // divides the logits; 0: the most likely token, and no chance
  int64_t top_k = 0;       // tokens that chance chooses from, 0: all
  double top_p = 1;        // share of probability that it chooses from, at least one token
  double repetition_penalty = 1;  // makes tokens of the prompt and the text less likely, if above 1
  int64_t num_beams = 1;
  double length_penalty = 1;  // of beams: the sum of log-probabilities is divided by length to this power
  EarlyStopping early_stopping = EarlyStopping::kFixed;
  std::vector<int64_t> eos;               // each ends a text
  std::vector<std::string> stop_strings;  // for whoever turns ids into text: each ends one

  /// Throws: std::invalid_argument for values out of range, or beams with a temperature.
  void check() const;
  /// Tokens that an answer to a prompt of that many tokens may have, in a model of `context` tokens.
  /// Throws: std::invalid_argument if there is no room for one.
  int64_t room(int64_t prompt_tokens, int64_t context) const;
};

/// What a generation_config.json says, as transformers reads it: without `do_sample` the most likely token is chosen,
/// whatever the file says of temperature; absent keys have the defaults of GenerationConfig. `ids`: those of config.json,
/// where the file states none. `notes`: a sentence for each key that says something else than here happens.
/// Throws: std::runtime_error for values of a wrong type or out of range.
DecodeSettings read_decode_settings(const models::Config& generation, const models::SpecialIds& ids,
                                    std::vector<std::string>* notes = nullptr);

}  // namespace reel::guidance
