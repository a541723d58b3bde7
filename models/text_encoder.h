// The interface of a text encoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "attention/processor.h"

namespace reel::models {

/// Turns texts into the context of cross-attention; holds its tokenizer. It does not change after it was built,
/// so several runs can share it.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;
  /// texts [R] -> [R, L, D]. Each text is padded or cut to the model's length. `clip_skip`: how many layers
  /// are left out at the end; 0 leaves out none. Throws: std::invalid_argument if clip_skip leaves no layer.
  /// `attend`: whose edits apply to its attention; null: none.
  virtual at::Tensor encode(const std::vector<std::string>& texts, int clip_skip = 0,
                            attention::Processor* attend = nullptr) const = 0;
  /// The same for ids [R, L] int64 that are already padded and cut.
  virtual at::Tensor encode_ids(const at::Tensor& ids, int clip_skip = 0,
                                attention::Processor* attend = nullptr) const = 0;
  /// Every attention layer, in order of execution.
  virtual std::vector<attention::Site> sites() const { return {}; }
  /// Ids as the network reads them: with special tokens, without padding, not cut.
  virtual std::vector<int64_t> tokenize(const std::string& text) const = 0;
  virtual int64_t max_tokens() const = 0;
};

}  // namespace reel::models
